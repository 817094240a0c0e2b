//! Lays environment overrides over the tree of the file.

use std::sync::Arc;

use super::environment::{Environment, field_path};
use super::node::{Entry, Node, Place, Value};
use super::problem::{Problem, Report};
use super::yaml;

/// Applies every override; what is wrong with one goes into the report.
pub fn apply(root: &mut Node, environment: &Environment, report: &Report) {
    for (variable, text) in environment.overrides() {
        let name: Arc<str> = variable.into();
        let place = Place::Variable(Arc::clone(&name));
        let path = field_path(variable);
        if path.iter().any(String::is_empty) {
            report.add(
                &place,
                "",
                "is not the name of a field: write KEYWARD_ and the path with `__` between its parts",
            );
            continue;
        }
        if text.is_empty() {
            report.add(&place, &path.join("."), "is empty: give it a value, or unset it");
            continue;
        }
        match value(text, &name) {
            Ok(value) => set(root, &path, Node { place, value }),
            Err(problem) => report.add(&place, &path.join("."), problem.what),
        }
    }
}

/// A list or a map in flow form, or one piece of text.
fn value(text: &str, variable: &Arc<str>) -> Result<Value, Problem> {
    if !text.starts_with(['[', '{']) {
        return Ok(Value::Scalar(text.to_owned()));
    }
    let mut node = yaml::parse(text, variable)?;
    relocate(&mut node, &Place::Variable(Arc::clone(variable)));
    Ok(node.value)
}

/// Line and column inside a variable help nobody.
fn relocate(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.value {
        Value::Empty | Value::Scalar(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.place = place.clone();
            relocate(&mut entry.node, place);
        }),
    }
}

fn set(target: &mut Node, path: &[String], value: Node) {
    let Some((name, rest)) = path.split_first() else {
        *target = value;
        return;
    };
    if !matches!(target.value, Value::Map(_)) {
        target.value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = &mut target.value else { return };
    // Variables cannot spell dashes or capitals, so a name that the file has in another spelling is meant.
    let known = entries.iter().position(|entry| entry.name.to_ascii_lowercase().replace('-', "_") == *name);
    let index = known.unwrap_or_else(|| {
        let node = Node { place: value.place.clone(), value: Value::Empty };
        entries.push(Entry { name: name.clone(), place: value.place.clone(), node });
        entries.len() - 1
    });
    if let Some(entry) = entries.get_mut(index) {
        set(&mut entry.node, rest, value);
    }
}
