use keyward_domain::secret::Secret;

/// Secrets shorter than this show none of their characters.
const MIN_LEN_FOR_TAIL: usize = 24;
const TAIL: usize = 4;

/// Beginnings that say what kind of key it is and nothing about which; the longest that fits is shown.
const PREFIXES: [&str; 37] = [
    "sk-ant-admin01-",
    "sk-ant-api03-",
    "sk-ant-oat01-",
    "sk-ant-ort01-",
    "sk-ant-sid01-",
    "sk-ant-",
    "sk-svcacct-",
    "sk-service-",
    "sk-admin-",
    "sk-proj-",
    "sk-or-v1-",
    "sk-api-",
    "sk-lf-",
    "sk-",
    "AIza",
    "AQ.",
    "gsk_",
    "xai-",
    "pplx-",
    "tgp_v1_",
    "fw_",
    "csk-",
    "nvapi-",
    "r8_",
    "hf_",
    "api_org_",
    "pa-",
    "jina_",
    "flp_",
    "dapi",
    "vck_",
    "AKIA",
    "ASIA",
    "ABSK",
    "kw_live_",
    "kw_test_",
    "lsv2_",
];

/// A safe reminder of which secret it is: the kind of prefix and, when the secret is at least 24 bytes long, its last
/// four characters (`sk-proj-...Qx7A`). Never more, whatever the secret looks like.
pub fn hint(secret: &Secret) -> String {
    let bytes = secret.expose();
    let prefix = PREFIXES
        .into_iter()
        .filter(|prefix| bytes.starts_with(prefix.as_bytes()))
        .max_by_key(|prefix| prefix.len())
        .unwrap_or_default();
    format!("{prefix}...{}", tail(bytes))
}

/// The last four characters of a long secret; nothing when they are not plain letters and digits, as in a JSON document.
fn tail(bytes: &[u8]) -> &str {
    if bytes.len() < MIN_LEN_FOR_TAIL {
        return "";
    }
    bytes
        .len()
        .checked_sub(TAIL)
        .and_then(|from| bytes.get(from..))
        .filter(|tail| tail.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
        .and_then(|tail| std::str::from_utf8(tail).ok())
        .unwrap_or_default()
}
