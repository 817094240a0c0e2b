//! Header values with parameters: `form-data; name="model"`.

/// The value of this parameter, or nothing when there is none. A second one, an extended one (`name*`) and anything that
/// parsers could read differently is an error.
pub(crate) fn parameter<'a>(header: &'a str, wanted: &str) -> Result<Option<&'a str>, ()> {
    let mut found = None;
    let mut rest = header.split_once(';').map_or("", |(_, rest)| rest);
    while !rest.trim().is_empty() {
        let (name, behind) = rest.split_once('=').ok_or(())?;
        let behind = behind.trim_start();
        let value;
        (value, rest) = if let Some(quoted) = behind.strip_prefix('"') {
            let (value, behind) = quoted.split_once('"').ok_or(())?;
            let (between, next) = behind.split_once(';').unwrap_or((behind, ""));
            if !between.trim().is_empty() || value.contains('\\') {
                return Err(());
            }
            (value, next)
        } else {
            let (value, next) = behind.split_once(';').unwrap_or((behind, ""));
            (value.trim(), next)
        };
        let name = name.trim();
        if name.strip_suffix('*').is_some_and(|name| name.eq_ignore_ascii_case(wanted)) {
            return Err(());
        }
        if name.eq_ignore_ascii_case(wanted) && found.replace(value).is_some() {
            return Err(());
        }
    }
    Ok(found)
}
