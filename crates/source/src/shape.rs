use keyward_domain::secret::Secret;

/// Longer secrets are refused.
pub const MAX_SECRET_BYTES: usize = 8 * 1024;

/// Whether these bytes can be a key at all: not empty, not too long, nothing in them that would break out of a header.
/// The error is the end of a sentence: "it is ...".
pub fn check_shape(secret: &Secret) -> Result<(), &'static str> {
    let bytes = secret.expose();
    if bytes.is_empty() {
        return Err("it is empty");
    }
    if bytes.len() > MAX_SECRET_BYTES {
        return Err("it is longer than 8 KiB");
    }
    if bytes.contains(&0) {
        return Err("it contains a zero byte");
    }
    if bytes.contains(&b'\n') || bytes.contains(&b'\r') {
        return Err("it contains a line break: one key per file or variable");
    }
    Ok(())
}

/// Takes one closing line break away: editors add it.
pub(crate) fn without_final_newline(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
