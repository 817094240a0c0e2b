//! A config as a list of paths and values, to compare two of them.

use std::collections::BTreeMap;

use super::node::{Node, Value};

/// Every value under its path with dots; items of lists by their position.
pub fn flatten(node: &Node) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    collect(node, "", &mut flat);
    flat
}

fn collect(node: &Node, path: &str, flat: &mut BTreeMap<String, String>) {
    match &node.value {
        Value::Empty => {}
        Value::Scalar(text) => {
            flat.insert(path.to_owned(), text.clone());
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{path}[{index}]"), flat);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                let path = if path.is_empty() { entry.name.clone() } else { format!("{path}.{}", entry.name) };
                collect(&entry.node, &path, flat);
            }
        }
    }
}
