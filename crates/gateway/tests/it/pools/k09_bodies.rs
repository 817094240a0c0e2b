//! K09: bodies of any allowed size fail over, byte for byte; so do answers that are not streams.

use keyward_testkit::provider::{Close, Fault, VendorError};

use crate::house::{CHAT, House, PATH};

/// A chat body of about this many bytes.
fn long(bytes: usize) -> String {
    CHAT.replace("Hello", &"Say more. ".repeat(bytes / 10))
}

#[test]
fn k09_large_bodies_fail_over_whole() {
    for bytes in [1 << 20, 20 << 20] {
        for fault in [Fault::hang_up(Close::Reset), Fault::refuse(VendorError::InvalidKey)] {
            let house = House::with_keys(2);
            house.provider.set_cache(false);
            house.provider.script(fault.clone());
            let body = long(bytes);
            let answer = house.client().post(PATH, &body);
            assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
            let requests = house.provider.requests();
            assert_eq!(requests.len(), 2);
            for request in &requests {
                assert!(request.body_complete);
                assert_eq!(request.body_len, body.len() as u64);
            }
            assert!(requests.iter().any(|request| request.body == body.as_bytes()), "as the client sent it");
            assert_eq!(requests[0].body_crc32, requests[1].body_crc32);
        }
    }
}

/// A form with a model and a file of this many bytes.
fn form(bytes: usize) -> Vec<u8> {
    let head = "--edge\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
                --edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
    [head.as_bytes(), &vec![7; bytes], b"\r\n--edge--\r\n"].concat()
}

#[test]
fn k09_uploads_fail_over_as_long_as_they_are_here() {
    let content = ("content-type", "multipart/form-data; boundary=edge");
    let house = House::with_keys(2);
    house.provider.script(Fault::hang_up(Close::Fin));
    let mut client = house.client().header(content.0, content.1);
    let answer = client.request("POST", "/v1/audio/transcriptions", &form(500));
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    let requests = house.provider.requests();
    assert_eq!((requests[0].body_crc32, requests[0].body_len), (requests[1].body_crc32, requests[1].body_len));
    assert!(requests.iter().all(|request| request.body_complete));
}

#[test]
fn k09_an_upload_that_was_passed_on_while_it_arrived_is_not_sent_twice() {
    let house = House::with_keys(2);
    house.provider.script(Fault::hang_up(Close::Fin));
    let mut client = house.client();
    let body = form(8 << 20);
    let (begin, rest) = body.split_at(4096);
    let head = format!(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: multipart/form-data; boundary=edge\r\ncontent-length: {}\r\n\r\n",
        house.key,
        body.len()
    );
    client.raw(&[head.as_bytes(), begin].concat());
    // The provider is being sent the beginning before the client sends the rest.
    House::wait(house.provider.wait_for_requests(1));
    client.raw(rest);
    let answer = client.head().finish();
    assert_eq!((answer.status, crate::house::code(&answer).as_str()), (502, "upstream_error"), "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 1);
    // Nothing is left of it: the next one is served.
    let mut client = house.client().header("content-type", "multipart/form-data; boundary=edge");
    assert_eq!(client.request("POST", "/v1/audio/transcriptions", &form(500)).status, 200);
}

#[test]
fn k09_a_json_answer_cut_at_every_byte_is_replaced() {
    let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"])]);
    house.provider.set_cache(false);
    house.add_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"]);
    let body = crate::house::chat_of("best");
    let mut client = house.client();
    let whole = client.post(PATH, &body).body;
    for byte in 0..whole.len() {
        house.forgive();
        house.provider.forget();
        let close = if byte % 2 == 0 { Close::Fin } else { Close::Reset };
        house.provider.script(Fault::answer().cut_at(byte as u64, close).for_key("one-1"));
        let answer = client.post(PATH, &body);
        assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "at {byte}");
        assert!(answer.body == whole, "at {byte}: {}", answer.text());
        assert_eq!(house.provider.requests().len(), 2, "at {byte}");
    }
}

#[test]
fn k09_an_error_inside_a_json_answer_is_replaced() {
    let house = House::with_keys(2);
    let error = r#"{"error":{"message":"The server had an error.","type":"server_error","code":null,"param":null}}"#;
    house.provider.script(Fault::status(200).body("application/json", error));
    let answer = house.chat();
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    assert!(answer.text().contains("chat.completion"), "{}", answer.text());
}

#[test]
fn k09_an_empty_answer_is_replaced() {
    for fault in [Fault::empty(), Fault::html()] {
        let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"])]);
        house.add_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"]);
        house.provider.script(fault.clone());
        let answer = house.chat_with("best");
        assert_eq!(
            (answer.status, answer.header("x-keyward-provider")),
            (200, Some("two")),
            "{fault:?}: {}",
            answer.text()
        );
    }
}
