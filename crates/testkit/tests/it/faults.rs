//! Every fault does what its name says, and nothing else.

use keyward_testkit::provider::{
    Close, DeafListener, Ended, Fault, LineEnds, ScriptedProvider, Stall, Vendor, VendorError,
};

use crate::http::{Connection, hello, post, start, text_of};

async fn provider_with_keys() -> (ScriptedProvider, [String; 3]) {
    let provider = ScriptedProvider::start().await;
    let keys = Vendor::ALL.map(|vendor| provider.add_key(vendor, "main"));
    (provider, keys)
}

#[tokio::test]
async fn rechunking_changes_chunks_and_not_bytes() {
    let (provider, keys) = provider_with_keys().await;
    for (vendor, key) in Vendor::ALL.into_iter().zip(&keys) {
        let (target, body) = hello(vendor, true);
        let plain = post(&provider, vendor, key, target, &body);
        for sizes in [vec![1], vec![7], vec![1, 5, 3], vec![4096]] {
            provider.script(Fault::answer().rechunk(sizes.clone()));
            let cut = post(&provider, vendor, key, target, &body);
            assert_eq!(cut.body, plain.body, "{vendor} {sizes:?}");
            assert!(cut.complete);
            let expected: Vec<usize> = sizes.iter().copied().cycle().take(cut.chunks.len().saturating_sub(1)).collect();
            assert_eq!(cut.chunks[..cut.chunks.len() - 1], expected[..], "{vendor} {sizes:?}");
        }
    }
    assert!(provider.bill().iter().all(|line| line.ended == Ended::Complete));
}

#[tokio::test]
async fn a_cut_at_byte_k_delivers_k_bytes() {
    let (provider, keys) = provider_with_keys().await;
    let vendor = Vendor::OpenAi;
    for stream in [true, false] {
        let (target, body) = hello(vendor, stream);
        let plain = post(&provider, vendor, &keys[0], target, &body);
        let length = plain.body.len();
        for byte in [0, 1, length / 3, length / 2, length - 1] {
            for close in [Close::Fin, Close::Reset] {
                provider.script(Fault::answer().cut_at(byte as u64, close));
                let cut = post(&provider, vendor, &keys[0], target, &body);
                assert_eq!(cut.status, 200);
                assert_eq!(cut.body, plain.body[..byte], "stream {stream}, byte {byte}, {close:?}");
                assert!(!cut.complete);
                assert_eq!(cut.reset, close == Close::Reset, "stream {stream}, byte {byte}, {close:?}");
            }
        }
    }
    let cuts = provider.bill().iter().filter(|line| line.ended == Ended::ProviderCut).count();
    assert!(cuts > 0);
    assert!(provider.requests().iter().all(|record| record.closed_early.is_none()), "the client never left first");
}

#[tokio::test]
async fn stalls_hold_until_released() {
    let (provider, keys) = provider_with_keys().await;
    let (target, body) = hello(Vendor::Anthropic, true);
    for (stall, seen, unseen) in [
        (Stall::BeforeHeaders, "", "HTTP/1.1"),
        (Stall::BeforeFirstToken, "content_block_start", "text_delta"),
        (Stall::AfterTokens(2), "text_delta", "message_delta"),
        (Stall::AtByte(10), "event: mes", "sage_start"),
    ] {
        provider.script(Fault::answer().stall(stall));
        let mut connection = Connection::open(provider.address());
        start(&mut connection, Vendor::Anthropic, &keys[1], target, &body);
        provider.wait_for_stalled(1).await;
        assert!(seen.is_empty() || connection.read_until(seen.as_bytes()), "{stall:?}");
        assert!(!String::from_utf8_lossy(connection.held()).contains(unseen), "{stall:?}");
        provider.release();
        let answer = connection.answer();
        assert!(answer.complete, "{stall:?}");
        assert_eq!(provider.stalled(), 0);
    }
}

#[tokio::test]
async fn whoever_leaves_a_stalled_call_is_noticed() {
    let (provider, keys) = provider_with_keys().await;
    let (target, body) = hello(Vendor::OpenAi, true);
    for (nth, stall) in [Stall::BeforeHeaders, Stall::BeforeFirstToken].into_iter().enumerate() {
        provider.script(Fault::answer().stall(stall));
        let mut connection = Connection::open(provider.address());
        start(&mut connection, Vendor::OpenAi, &keys[0], target, &body);
        provider.wait_for_stalled(1).await;
        drop(connection);
        provider.wait_for_closed_early(nth + 1).await;
        provider.wait_for_stalled(0).await;
        let closed = provider.requests()[nth].closed_early.unwrap();
        assert_eq!(closed.before_headers, stall == Stall::BeforeHeaders);
    }
    let bill = provider.bill();
    assert_eq!(bill.len(), 1, "before the headers nothing was generated");
    assert_eq!((bill[0].ended, bill[0].output), (Ended::ClientLeft, 0));
    provider.wait_for_connections(0).await;
    assert_eq!(provider.connections_total(), 2);
}

#[tokio::test]
async fn errors_inside_a_stream_come_in_the_dialect() {
    let (provider, keys) = provider_with_keys().await;
    for (vendor, key) in Vendor::ALL.into_iter().zip(&keys) {
        let (target, body) = hello(vendor, true);
        provider.forget();
        provider.script(Fault::answer().error_after(0, VendorError::Overloaded));
        let at_once = post(&provider, vendor, key, target, &body);
        assert_eq!((at_once.status, at_once.complete), (200, true));
        let tail = at_once.text();
        let expected = match vendor {
            Vendor::OpenAi => "server_is_overloaded",
            Vendor::Anthropic => "overloaded_error",
            Vendor::Gemini => "UNAVAILABLE",
        };
        assert!(tail.contains(expected) && !tail.contains("[DONE]") && !tail.contains("message_stop"), "{tail}");
        assert!(provider.bill().is_empty(), "nothing was generated");
        provider.script(Fault::answer().error_after(4, VendorError::Overloaded));
        let later = post(&provider, vendor, key, target, &body);
        assert!(later.text().contains(expected));
        let bill = provider.bill();
        assert_eq!((bill.len(), bill[0].output, bill[0].ended), (1, 4, Ended::ProviderCut));
    }
}

#[tokio::test]
async fn the_bytes_of_a_stream_can_be_bent() {
    let (provider, keys) = provider_with_keys().await;
    let (target, body) = hello(Vendor::OpenAi, true);
    let run = |fault: Fault| {
        provider.script(fault);
        post(&provider, Vendor::OpenAi, &keys[0], target, &body)
    };
    let plain = run(Fault::answer());
    let crlf = run(Fault::answer().line_ends(LineEnds::Crlf)).text();
    assert_eq!(crlf.replace("\r\n", "\n"), plain.text());
    assert_eq!(crlf.matches("\r\n").count(), plain.text().matches('\n').count());
    let mixed = run(Fault::answer().line_ends(LineEnds::Mixed)).text();
    assert!(mixed.contains("\r\n") && mixed.replace("\r\n", "").contains('\n'));
    let broken = run(Fault::answer().malformed_line_after(2)).text();
    assert!(broken.contains("data: {\"broken\":\n\n"));
    let commented = run(Fault::answer().comment_every(1)).text();
    assert_eq!(commented.matches(": keep-alive\n\n").count(), plain.text().matches("data: ").count());
    assert_eq!(commented.replace(": keep-alive\n\n", ""), plain.text());
    let unknown = run(Fault::answer().insert_after(0, "event: new\ndata: {}\n\n")).text();
    assert!(unknown.contains("event: new"));
    let line = run(Fault::answer().answer_tokens(262_144).tokens_per_frame(262_144));
    assert!(line.text().lines().any(|line| line.len() > 1024 * 1024));
    assert_eq!(provider.bill().last().unwrap().output, 262_144);
}

#[tokio::test]
async fn answers_can_be_replaced() {
    let (provider, keys) = provider_with_keys().await;
    let (target, body) = hello(Vendor::OpenAi, false);
    let run = |fault: Fault| {
        provider.script(fault);
        post(&provider, Vendor::OpenAi, &keys[0], target, &body)
    };
    for status in [301, 302, 307, 308] {
        let moved = run(Fault::redirect(status, "http://127.0.0.1:1/elsewhere"));
        assert_eq!((moved.status, moved.header("location")), (status, Some("http://127.0.0.1:1/elsewhere")));
    }
    let page = run(Fault::html());
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    let empty = run(Fault::empty());
    assert_eq!((empty.status, empty.body.len(), empty.complete), (200, 0, true));
    for status in [401, 402, 403, 429, 500, 503, 529] {
        let refused = run(Fault::status(status).header("retry-after", "Fri, 20 Nov 2026 08:00:00 GMT"));
        assert_eq!(refused.status, status);
        assert_eq!(refused.header("retry-after"), Some("Fri, 20 Nov 2026 08:00:00 GMT"));
        assert!(refused.json()["error"]["message"].is_string());
    }
    let heavy = run(Fault::answer().padding_header(100_000));
    assert_eq!(heavy.header("x-padding").unwrap().len(), 100_000);
    provider.script(Fault::raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello"));
    let mut connection = Connection::open(provider.address());
    start(&mut connection, Vendor::OpenAi, &keys[0], target, &body);
    let raw = connection.read_to_close();
    assert!(raw.ends_with(b"content-length: 7\r\n\r\nhello"), "{:?}", String::from_utf8_lossy(&raw));
    for close in [Close::Fin, Close::Reset] {
        let gone = run(Fault::hang_up(close));
        assert_eq!((gone.status, gone.reset), (0, close == Close::Reset));
    }
    assert_eq!(provider.faults_left(), 0);
    assert_eq!(provider.requests().iter().filter(|record| record.status == Some(503)).count(), 1);
}

#[tokio::test]
async fn gzip_is_a_valid_container() {
    let (provider, keys) = provider_with_keys().await;
    for stream in [false, true] {
        let (target, body) = hello(Vendor::Gemini, stream);
        let plain = post(&provider, Vendor::Gemini, &keys[2], target, &body);
        provider.script(Fault::answer().gzip());
        let packed = post(&provider, Vendor::Gemini, &keys[2], target, &body);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(unpacked(&packed.body), plain.body);
    }
}

/// Reads gzip with stored blocks and checks the trailer.
fn unpacked(mut bytes: &[u8]) -> Vec<u8> {
    assert_eq!(bytes[..3], [0x1f, 0x8b, 8]);
    bytes = &bytes[10..];
    let mut out = Vec::new();
    loop {
        let last = bytes[0] == 1;
        let length = usize::from(u16::from_le_bytes([bytes[1], bytes[2]]));
        assert_eq!(u16::from_le_bytes([bytes[1], bytes[2]]), !u16::from_le_bytes([bytes[3], bytes[4]]));
        out.extend_from_slice(&bytes[5..5 + length]);
        bytes = &bytes[5 + length..];
        if last {
            break;
        }
    }
    assert_eq!(bytes[..4], crc32fast::hash(&out).to_le_bytes());
    assert_eq!(bytes[4..], u32::try_from(out.len()).unwrap().to_le_bytes());
    out
}

#[tokio::test]
async fn a_million_tokens_are_made_while_they_are_read() {
    let (provider, keys) = provider_with_keys().await;
    provider.script(Fault::answer().answer_tokens(1_000_000));
    let (target, body) = hello(Vendor::Gemini, true);
    let mut connection = Connection::open(provider.address());
    start(&mut connection, Vendor::Gemini, &keys[2], target, &body);
    assert!(connection.read_until(b"data: "));
    drop(connection);
    provider.wait_for_closed_early(1).await;
    let line = provider.bill().remove(0);
    assert_eq!(line.ended, Ended::ClientLeft);
    assert!(line.output < 1_000_000, "nothing is generated far ahead of its reader: {}", line.output);
}

#[tokio::test]
async fn text_of_a_rechunked_stream_still_splits_characters() {
    let (provider, keys) = provider_with_keys().await;
    provider.script(Fault::answer().answer_tokens(200).rechunk([1]));
    let (target, body) = hello(Vendor::OpenAi, true);
    let answer = post(&provider, Vendor::OpenAi, &keys[0], target, &body);
    let text = text_of(Vendor::OpenAi, &answer, true);
    assert!(text.contains('今') && text.contains('🙂') && text.contains('é'));
    assert!(answer.chunks.iter().all(|size| *size == 1));
}

#[tokio::test]
async fn a_stream_can_be_written_by_hand() {
    let (provider, keys) = provider_with_keys().await;
    let (target, body) = hello(Vendor::OpenAi, true);
    provider.script(Fault::status(200).body("text/event-stream", "data: {\"a\":1}\n\ndata: [DONE]\n\n").rechunk([9]));
    let answer = post(&provider, Vendor::OpenAi, &keys[0], target, &body);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.events(), [serde_json::json!({"a": 1})]);
    assert_eq!(answer.chunks[..2], [9, 9]);
}

#[test]
fn nobody_gets_through_to_a_deaf_listener() {
    let deaf = DeafListener::open().unwrap();
    let tried = std::net::TcpStream::connect_timeout(&deaf.address(), std::time::Duration::from_millis(150));
    assert_eq!(tried.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn a_provider_comes_back_where_it_was() {
    let first = ScriptedProvider::start_blocking();
    let address = first.address();
    let key = first.add_key(Vendor::OpenAi, "main");
    let (target, body) = hello(Vendor::OpenAi, false);
    assert_eq!(post(&first, Vendor::OpenAi, &key, target, &body).status, 200);
    drop(first);
    assert_eq!(
        std::net::TcpStream::connect(address).unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused,
        "a dropped provider is gone"
    );
    let second = ScriptedProvider::start_at(address);
    assert_eq!(second.add_key(Vendor::OpenAi, "main"), key);
    assert_eq!(post(&second, Vendor::OpenAi, &key, target, &body).status, 200);
}
