//! A call that is repeated under the same `Idempotency-Key` is made once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keyward_domain::port::{Change, Store as _};
use keyward_domain::virtual_key::Grant;
use keyward_testkit::provider::{Close, Fault, Stall, VendorError};

use crate::house::{Answer, BEGIN, CHAT, Client, House, PATH, code, streamed};

const NAME: &str = "idempotency-key";
const REQUEST_ID: &str = "x-keyward-request-id";

impl House {
    fn named(&self, name: &str) -> Client {
        self.client().header(NAME, name)
    }
}

fn refused(answer: &Answer, status: u16, wanted: &str) {
    assert_eq!((answer.status, code(answer)), (status, wanted.to_owned()), "{}", answer.text());
}

#[test]
fn a75_a_hundred_at_once_make_one_call() {
    let mut house = House::with_keys(1);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let refusals = AtomicUsize::new(0);
    let served: Vec<Answer> = std::thread::scope(|scope| {
        let call = || {
            let answer = house.named("order-7").post(PATH, CHAT);
            if answer.status == 200 {
                return Some(answer);
            }
            refused(&answer, 409, "idempotency_in_progress");
            assert_eq!(answer.header("retry-after"), Some("1"));
            refusals.fetch_add(1, Ordering::Relaxed);
            None
        };
        let calls: Vec<_> = (0..100).map(|_| scope.spawn(call)).collect();
        house.until(|_| refusals.load(Ordering::Relaxed) == 99);
        house.provider.release();
        calls.into_iter().filter_map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(served.len(), 1);
    let again = house.named("order-7").post(PATH, CHAT);
    refused(&again, 409, "already_processed");
    assert!(again.text().contains(served[0].header(REQUEST_ID).unwrap()), "{}", again.text());
    assert_eq!(again.header("retry-after"), None);
    assert_eq!(house.provider.requests_total(), 1);
    assert_eq!(house.provider.requests()[0].header(NAME), None, "the name stays here");
    assert_eq!(house.entries().len(), 1);
}

#[test]
fn a76_the_same_name_for_another_request_is_refused() {
    let house = House::with_keys(1);
    assert_eq!(house.named("a").post(PATH, CHAT).status, 200);
    refused(&house.named("a").post(PATH, &CHAT.replace("Hello", "Hullo")), 422, "idempotency_mismatch");
    let responses = r#"{"model":"gpt-4o-mini","input":"Hello"}"#;
    refused(&house.named("a").post("/v1/responses", responses), 422, "idempotency_mismatch");
    assert_eq!(house.provider.requests_total(), 1);
    assert_eq!(house.named("b").post(PATH, CHAT).status, 200, "another name is another call");
    let other = house.add_key("other", Grant::default());
    assert_eq!(house.client_with(&other).header(NAME, "a").post(PATH, CHAT).status, 200, "so is another caller's");
}

#[test]
fn a_name_is_forgotten_after_a_day() {
    let house = House::with_keys(1);
    assert_eq!(house.named("a").post(PATH, CHAT).status, 200);
    house.clock.advance(Duration::from_hours(23));
    refused(&house.named("a").post(PATH, CHAT), 409, "already_processed");
    house.clock.advance(Duration::from_hours(2));
    assert_eq!(house.named("a").post(PATH, CHAT).status, 200);
}

#[test]
fn what_was_never_sent_or_never_charged_may_be_tried_again() {
    let house = House::with_keys(1);
    let budget = house.put_global(0);
    assert_eq!(house.named("a").post(PATH, CHAT).status, 402);
    house.commit(Change::RemoveBudget(budget.id));
    house.publish();
    house.provider.script(Fault::refuse(VendorError::Internal).always());
    assert!(house.named("a").post(PATH, CHAT).status >= 500);
    house.provider.clear_script();
    house.forgive();
    assert_eq!(house.named("a").post(PATH, CHAT).status, 200);
    refused(&house.named("a").post(PATH, CHAT), 409, "already_processed");
}

#[test]
fn a_client_that_goes_away_has_made_its_call_all_the_same() {
    let house = House::with_keys(1);
    for (name, body, stall) in
        [("before", CHAT.to_owned(), Stall::BeforeHeaders), ("between", streamed(CHAT), Stall::AfterTokens(2))]
    {
        house.provider.script(Fault::answer().answer_tokens(8).tokens_per_frame(1).stall(stall));
        let mut client = house.named(name);
        client.send("POST", PATH, body.as_bytes());
        House::wait(house.provider.wait_for_stalled(1));
        refused(&house.named(name).post(PATH, &body), 409, "idempotency_in_progress");
        drop(client);
        house.until(|house| code(&house.named(name).post(PATH, &body)) == "already_processed");
        house.provider.release();
        house.until(|house| house.provider.stalled() == 0);
    }
    assert_eq!(house.provider.requests_total(), 2);
}

#[test]
fn an_answer_that_broke_off_and_is_charged_is_not_asked_for_again() {
    let house = House::with_keys(1);
    house.provider.script(Fault::answer().answer_tokens(20).tokens_per_frame(1).cut_at(2_000, Close::Reset));
    let first = house.named("a").post(PATH, &streamed(CHAT));
    assert_eq!(first.status, 200);
    assert!(first.text().contains("\"error\""), "{}", first.text());
    refused(&house.named("a").post(PATH, &streamed(CHAT)), 409, "already_processed");
    assert_eq!(house.provider.requests_total(), 1);
}

#[test]
fn a_stream_is_under_way_until_its_end() {
    let house = House::with_keys(1);
    let body = streamed(CHAT);
    assert_eq!(house.named("a").post(PATH, &body).status, 200);
    refused(&house.named("a").post(PATH, &body), 409, "already_processed");
    refused(&house.named("a").post(PATH, CHAT), 422, "idempotency_mismatch");
}

#[test]
fn a_name_that_is_none_is_refused() {
    let house = House::with_keys(1);
    for bad in ["", "with space", "caf\u{e9}", &"x".repeat(256)] {
        let answer = house.named(bad).post(PATH, CHAT);
        refused(&answer, 400, "invalid_request");
        assert!(answer.text().contains("1 to 255 visible"), "{}", answer.text());
    }
    refused(&house.named("a").header(NAME, "a").post(PATH, CHAT), 400, "invalid_request");
    assert_eq!(house.provider.requests_total(), 0);
    assert_eq!(house.named(&"x".repeat(255)).post(PATH, CHAT).status, 200);
}

#[test]
fn calls_that_cost_nothing_need_no_name() {
    let house = House::with_keys(1);
    for _ in 0..2 {
        assert_eq!(house.named("a").get("/v1/models").status, 200);
    }
    assert_eq!(house.named("a").post(PATH, CHAT).status, 200);
}

#[test]
fn of_an_upload_model_and_length_count() {
    let house = House::open();
    let upload = |boundary: &str, model: &str| {
        let body = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--{boundary}\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\nRIFF\r\n\
             --{boundary}--\r\n"
        );
        let kind = format!("multipart/form-data; boundary={boundary}");
        house.named("up").header("content-type", &kind).post("/v1/audio/transcriptions", &body)
    };
    assert_eq!(upload("one", "whisper-1").status, 200);
    refused(&upload("two", "whisper-1"), 409, "already_processed");
    refused(&upload("longer", "whisper-1"), 422, "idempotency_mismatch");
    assert_eq!(house.provider.requests_total(), 1);
}

#[test]
fn f06_what_an_earlier_process_made_is_not_made_again() {
    let mut house = House::with_keys(1);
    let first = house.named("a").post(PATH, CHAT);
    assert_eq!(first.status, 200);
    // This one was refused before anything was sent, that one was not charged for.
    let budget = house.put_global(0);
    assert_eq!(house.named("b").post(PATH, CHAT).status, 402);
    house.commit(Change::RemoveBudget(budget.id));
    house.publish();
    house.provider.script(Fault::refuse(VendorError::BadRequest("no".to_owned(), None)));
    assert_eq!(house.named("c").post(PATH, CHAT).status, 400);
    let calls = house.provider.requests_total();
    house.restart();
    let again = house.named("a").post(PATH, CHAT);
    refused(&again, 409, "already_processed");
    let error = &again.json()["error"];
    assert_eq!(error["first_request_id"].as_str(), first.header(REQUEST_ID));
    assert_eq!(error["first_outcome"], "settled");
    refused(&house.named("a").post(PATH, &CHAT.replace("Hello", "Hullo")), 422, "idempotency_mismatch");
    assert_eq!(house.provider.requests_total(), calls);
    for name in ["b", "c"] {
        assert_eq!(house.named(name).post(PATH, CHAT).status, 200, "{name}");
    }
    let other = house.add_key("other", Grant::default());
    assert_eq!(house.client_with(&other).header(NAME, "a").post(PATH, CHAT).status, 200, "another caller's name");
    // A day is a day, over all processes.
    house.clock.advance(Duration::from_hours(23));
    house.restart();
    refused(&house.named("a").post(PATH, CHAT), 409, "already_processed");
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(house.named("a").post(PATH, CHAT).status, 200);
}

#[test]
fn calls_without_a_name_leave_none() {
    let mut house = House::with_keys(1);
    assert_eq!(house.chat().status, 200);
    house.stop();
    assert_eq!(house.store.named_calls(BEGIN, 10).unwrap(), []);
}
