//! Whether the length of a request bounds its prompt.

use keyward_dialect::extent::is_bounded_by_length;

#[test]
fn m02_texts_are_bounded_by_their_length() {
    for body in [
        r#"{"messages":[{"role":"user","content":"an image, a \"file\", \"web_search\" and \u00e9 \u4e16 \u003c"}]}"#,
        r#"{"contents":[{"parts":[{"text":"hello"}]}],"tools":[{"functionDeclarations":[{"name":"read_file"}]}]}"#,
        "{}",
        "",
    ] {
        assert!(is_bounded_by_length(body.as_bytes()), "{body}");
    }
}

#[test]
fn m02_a_few_bytes_that_stand_for_much_are_not() {
    for body in [
        r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}]}]}"#,
        r#"{"messages":[{"content":[{"type":"im\u0061ge_url"}]}]}"#,
        r#"{"messages":[{"content":[{"type":"document","source":{"type":"file"}}]}]}"#,
        r#"{"contents":[{"parts":[{"fileData":{"fileUri":"x"}}]}]}"#,
        r#"{"tools":[{"type":"web_search_20250305"}]}"#,
        r#"{"tools":[{"google_search":{}}]}"#,
        r#"{"input":[{"type":"input_file","file_id":"f"}]}"#,
    ] {
        assert!(!is_bounded_by_length(body.as_bytes()), "{body}");
    }
}
