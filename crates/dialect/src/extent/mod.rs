//! Whether the length of a request bounds how many tokens its prompt can have.
//!
//! No tokenizer in use makes more tokens than there are bytes of text, and what stands around the text in JSON is longer
//! than what vendors put around it. That fails where a few bytes stand for much: a picture, a sound, a file, an address
//! of one, something stored at the vendor, or a tool that the vendor runs and whose results it reads itself. Then only
//! the model's context window bounds the prompt.
//!
//! Length is a cheap bound and a wide one: text has three to five bytes a token. [`counted`] is a narrow and a dear one.

mod counted;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

pub use counted::{Count, counted};

/// Names and values that JSON spells out in front of such things, quotes included, so that the same words inside a text
/// (where quotes are escaped) are not mistaken for them. And letters that are written as escapes, because then no search
/// finds the name: nobody writes letters so who means no harm.
const HEAVY: [&str; 28] = [
    "\"image_url\"",
    "\"input_image\"",
    "\"image\"",
    "\"input_audio\"",
    "\"audio\"",
    "\"input_file\"",
    "\"file\"",
    "\"document\"",
    "\"search_result\"",
    "\"container_upload\"",
    "\"inlineData\"",
    "\"inline_data\"",
    "\"fileData\"",
    "\"file_data\"",
    "\"web_search",
    "\"web_fetch",
    "\"file_search\"",
    "\"code_interpreter\"",
    "\"code_execution",
    "\"mcp\"",
    "\"googleSearch",
    "\"google_search",
    "\"urlContext\"",
    "\"url_context\"",
    "\\u004",
    "\\u005",
    "\\u006",
    "\\u007",
];

/// One pass for all of them. `None` cannot happen: they are few and short.
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(HEAVY).ok());

/// Whether the prompt has at most as many tokens as the body has bytes.
pub fn is_bounded_by_length(body: &[u8]) -> bool {
    // A quote behind a backslash is inside a text.
    let before = |at: usize| at.checked_sub(1).and_then(|before| body.get(before));
    let is_real = |start: usize| before(start) != Some(&b'\\');
    SEARCH.as_ref().is_some_and(|search| !search.find_iter(body).any(|found| is_real(found.start())))
}
