//! Form uploads.

use bytes::Bytes;
use keyward_dialect::multipart::{Form, Found, Look, look};
use proptest::prelude::*;

use crate::draw::Draw;

const TYPE: &str = "multipart/form-data; boundary=xYz";

fn part(name: &str, value: &str) -> String {
    format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(content: &str) -> String {
    format!(
        "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n{content}\r\n"
    )
}

fn whole(parts: &[String]) -> String {
    parts.concat() + "--xYz--\r\n"
}

fn found(body: &str) -> Found {
    match look(TYPE, body.as_bytes(), true) {
        Look::Found(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn finds_the_model_wherever_it_comes_and_replaces_it_in_place() {
    for parts in [
        [part("model", "whisper-1"), file("\u{0}\r\n--xY\n-- bytes"), part("stream", "true")],
        [file("x"), part("stream", "True"), part("model", "whisper-1")],
        [part("stream", "1"), part("model", "whisper-1"), file("")],
    ] {
        let body = whole(&parts);
        let found = found(&body);
        let model = found.model.clone().unwrap();
        assert_eq!((&*model.text, &body[model.range]), ("whisper-1", "whisper-1"));
        assert!(found.stream && found.complete);
        let edited = found.with_model(&Bytes::from(body.clone()), "gpt-4o-transcribe");
        assert_eq!(std::str::from_utf8(&edited).unwrap(), body.replace("whisper-1", "gpt-4o-transcribe"));
        let same = Bytes::from(body);
        assert_eq!(found.with_model(&same, "whisper-1").as_ptr(), same.as_ptr());
    }
}

#[test]
fn a_form_that_still_arrives_is_judged_by_what_is_there() {
    let body = whole(&[part("model", "m"), file(&"x".repeat(500))]);
    let known = body.find("--xYz\r\nContent-Disposition: form-data; name=\"file\"").unwrap() + "--xYz\r\n".len();
    for end in 0..body.len() {
        match look(TYPE, &body.as_bytes()[..end], false) {
            Look::NeedMore => assert!(end < known),
            Look::Found(found) => {
                assert!(end >= known);
                assert_eq!(found.model.unwrap().range, 55..56);
                assert_eq!(found.complete, end + 2 >= body.len() + 2);
            }
            Look::Invalid(message) => panic!("{message} at {end}"),
        }
        if end + 2 < body.len() {
            assert!(matches!(look(TYPE, &body.as_bytes()[..end], true), Look::Invalid(_)), "cut at {end}");
        }
    }
    let Look::Found(found) = look(TYPE, body.as_bytes(), false) else { panic!("known") };
    assert!(found.complete);
    // The last boundary may lack its line end.
    assert!(matches!(look(TYPE, body.trim_end().as_bytes(), true), Look::Found(_)));
}

#[test]
fn other_fields_of_images_are_read() {
    let body = whole(&[
        part("n", "3"),
        part("size", "1024x1024"),
        part("quality", "high"),
        part("prompt", "p"),
        part("api_base", "http://x"),
    ]);
    let found = found(&body);
    assert_eq!((found.model, found.candidates, found.stream), (None, 3, false));
    assert_eq!((found.image_size.as_deref(), found.image_quality.as_deref()), (Some("1024x1024"), Some("high")));
    assert_eq!(found.forbidden, Some("api_base"));
}

#[test]
fn spellings_of_the_headers() {
    for (content_type, disposition) in [
        ("multipart/form-data; charset=utf-8; boundary=\"xYz\"", "content-disposition:form-data;name=model"),
        ("Multipart/Form-Data;BOUNDARY=xYz", "CONTENT-DISPOSITION: form-data; NAME = \"model\""),
    ] {
        let body =
            format!("\r\n--xYz  \r\nX-Other: y\r\n{disposition}\r\nContent-Type: text/plain\r\n\r\nm\r\n--xYz--");
        let Look::Found(found) = look(content_type, body.as_bytes(), true) else { panic!("{body}") };
        assert_eq!(&*found.model.unwrap().text, "m");
    }
}

#[test]
fn what_parsers_could_read_differently_is_refused() {
    let model = "Content-Disposition: form-data; name=\"model\"";
    for body in [
        whole(&[part("model", "a"), part("model", "b")]),
        whole(&[part("model", "")]),
        whole(&[part("model", "a\r\nb")]),
        whole(&[part("model", &"m".repeat(300))]),
        whole(&[part("model", &"m".repeat(5000))]),
        whole(&[part("n", "0")]),
        whole(&[part("n", "1000000")]),
        // Line feeds only: some servers read these as boundaries.
        format!("--xYz\n{model}\n\na\n--xYz--\n"),
        whole(&[file("x\n--xYz\nContent-Disposition: form-data; name=\"model\"\n\nb")]),
        whole(&[file(&format!("{}\n--xYz\r\n{model}\r\n\r\nb", "long line ".repeat(50)))]),
        format!("--xYz\r\n{model}\n\r\na\r\n--xYz--\r\n"),
        // Boundaries with something behind them.
        format!("--xYzz\r\n{model}\r\n\r\na\r\n--xYz--\r\n"),
        format!("--xYz\r\n{model}\r\n\r\na\r\n--xYz tail\r\n--xYz--\r\n"),
        format!("preamble\r\n--xYz\r\n{model}\r\n\r\na\r\n--xYz--\r\n"),
        "--xYz--\r\n".to_owned(),
        // Headers.
        format!("--xYz\r\n{model}; name=\"x\"\r\n\r\na\r\n--xYz--\r\n"),
        "--xYz\r\nContent-Disposition: form-data; name*=utf-8''model\r\n\r\na\r\n--xYz--\r\n".to_owned(),
        "--xYz\r\nContent-Disposition: form-data; name=\"mo\\del\"\r\n\r\na\r\n--xYz--\r\n".to_owned(),
        "--xYz\r\nContent-Disposition: form-data;\r\n name=\"model\"\r\n\r\na\r\n--xYz--\r\n".to_owned(),
        format!("--xYz\r\n{model}\r\n{model}\r\n\r\na\r\n--xYz--\r\n"),
        format!("--xYz\r\n{model}; filename=\"x\"\r\n\r\na\r\n--xYz--\r\n"),
        format!("--xYz\r\n{model}\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--xYz--\r\n"),
        "--xYz\r\nContent-Type: text/plain\r\n\r\na\r\n--xYz--\r\n".to_owned(),
        "--xYz\r\nno colon\r\n\r\na\r\n--xYz--\r\n".to_owned(),
        format!("--xYz\r\n{model}\r\nX-Long: {}\r\n\r\na\r\n--xYz--\r\n", "h".repeat(1 << 20)),
        format!("--xYz\r\n{model}\r\n{}\r\na\r\n--xYz--\r\n", "X-Many: y\r\n".repeat(20)),
        whole(&vec![part("x", "y"); 10_000]),
        "not a form at all".to_owned(),
        String::new(),
    ] {
        assert!(matches!(look(TYPE, body.as_bytes(), true), Look::Invalid(_)), "{}", &body[..body.len().min(300)]);
    }
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"a",
        "",
        &format!("multipart/form-data; boundary={}", "b".repeat(71)),
    ] {
        assert!(matches!(look(content_type, b"--xYz\r\n", false), Look::Invalid(_)), "{content_type}");
    }
}

#[test]
fn a_second_model_behind_a_long_file_is_noticed_while_it_streams() {
    let mut form = Form::new(TYPE).unwrap();
    form.feed(part("model", "cheap").as_bytes()).unwrap();
    form.feed(file(&"x\r\n".repeat(100_000)).as_bytes()).unwrap();
    assert_eq!(&*form.found().unwrap().model.unwrap().text, "cheap");
    assert!(form.feed(part("model", "dear").as_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d01_forms_are_read_the_same_however_cut(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let mut parts = Vec::new();
        for _ in 0..draw.below(6) {
            parts.push(match draw.below(5) {
                0 => part("model", draw.one(&["a", "b/c", ""])),
                1 => part("stream", draw.one(&["true", "false"])),
                2 => file(draw.one(&["\r\n\r\n", "\r\n--xY", "\n--xYz", "\r--xYz", "plain", "--xYz"])),
                3 => part("prompt", "p"),
                _ => part("n", "2"),
            });
        }
        let body = whole(&parts);
        let read = |pieces: Vec<Vec<u8>>| {
            let mut form = Form::new(TYPE)?;
            for piece in pieces {
                form.feed(&piece)?;
            }
            form.end()?;
            Ok::<_, &'static str>(form.found())
        };
        prop_assert_eq!(read(draw.cut(body.as_bytes())), read(vec![body.clone().into_bytes()]));
    }

    #[test]
    fn any_form_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = look(TYPE, &bytes, true);
        let _ = look(TYPE, &[b"--xYz\r\n".as_slice(), &bytes].concat(), false);
    }
}
