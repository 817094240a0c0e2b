//! M02: the upper bound of a prompt is its length, or, where that is too dear and its vocabulary is known, its tokens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyward_domain::budget::{Budget, HoldMode};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Store as _, Tokenizer};
use keyward_domain::provider::ProviderKind;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::virtual_key::Grant;
use keyward_domain::vocabulary::Vocabulary;
use keyward_testkit::provider::{Fault, Stall, Vendor};
use keyward_tokenizer::Tiktoken;

use super::{USD, budget};
use crate::house::{CHAT, Client, House, PATH, code};

/// A tokenizer that tells how often it was asked, and can be held up.
#[derive(Default)]
struct Scripted {
    asked: AtomicUsize,
    held_up: Mutex<Option<Receiver<()>>>,
}

impl Scripted {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whoever asks from now on waits until what this gives is dropped.
    fn hold_up(&self) -> Sender<()> {
        let (free, held_up) = channel();
        *self.held_up.lock().unwrap() = Some(held_up);
        free
    }
}

impl Tokenizer for Scripted {
    /// Four bytes a token, as the scripted provider bills.
    fn count(&self, _vocabulary: Vocabulary, text: &str) -> Option<u64> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(held_up) = &*self.held_up.lock().unwrap() {
            // Ends when the other end is dropped.
            let _ = held_up.recv_timeout(Duration::from_secs(20));
        }
        Some(text.len().div_ceil(4) as u64)
    }
}

/// A house with a key at two vendors.
fn house_with(tokenizer: Option<Arc<dyn Tokenizer>>) -> House {
    let mut house = House::empty_with(tokenizer, |_| {});
    house.add_vendor("openai", Vendor::OpenAi, &["key-1"]);
    house.add_vendor("anthropic", Vendor::Anthropic, &["key-2"]);
    house.key = house.add_key("everything", Grant::default());
    house
}

fn scripted() -> (House, Arc<Scripted>) {
    let tokenizer = Arc::new(Scripted::default());
    (house_with(Some(Arc::clone(&tokenizer) as _)), tokenizer)
}

/// 8,000 bytes, and 2,000 tokens to everybody who counts here: four letters each, blank included.
fn prompt() -> String {
    "the cat sat and the dog ran far ".repeat(250)
}

fn chat(prompt: &str, rest: &str) -> String {
    format!(r#"{{"model":"gpt-4o-mini"{rest},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#)
}

/// The prompt, and a cap of the client's own.
fn capped() -> String {
    chat(&prompt(), r#","max_tokens":64"#)
}

/// What a call is held at where nothing has to be counted: the dearest that it can be.
fn by_length(body: &str) -> i64 {
    let house = house_with(None);
    let budget = house.put_global(1000 * USD);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let mut client = house.client();
    client.send("POST", PATH, body.as_bytes());
    House::wait(house.provider.wait_for_stalled(1));
    let held = house.own_balance(&budget).reserved;
    house.provider.release();
    assert_eq!(client.head().finish().status, 200);
    held.0
}

#[test]
fn m02_a_prompt_too_dear_by_its_length_is_let_in_by_its_tokens() {
    let dear = by_length(&capped());
    let (scripted, _) = scripted();
    for house in [house_with(Some(Arc::new(Tiktoken))), scripted] {
        let budget = house.put_global(dear / 2);
        let answer = house.client().post(PATH, &capped());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(house.provider.requests()[0].body, capped().as_bytes());
        house.settle();
        let entry = house.store_entries().remove(0);
        let (cost, reserved) = (entry.cost.unwrap(), entry.subject.reserved.unwrap());
        assert!(Nanodollars::ZERO < cost && cost <= reserved && reserved.0 <= dear / 2, "{cost} {reserved} {dear}");
        let balance = house.own_balance(&budget);
        assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, cost));
    }
}

#[test]
fn m02_what_is_too_dear_by_its_tokens_too_is_refused() {
    let dear = by_length(&capped());
    let (house, tokenizer) = scripted();
    // 2,000 tokens are a quarter of what 8,000 bytes are.
    house.put_global(dear / 5);
    let answer = house.client().post(PATH, &capped());
    assert_eq!((answer.status, code(&answer)), (402, "budget_exceeded".to_owned()));
    assert_eq!((tokenizer.asked(), house.provider.requests_total()), (1, 0));
}

#[test]
fn m02_a_lowered_cap_is_higher_where_the_prompt_is_shorter_than_it_looks() {
    let body = chat(&prompt(), r#","max_tokens":16000"#);
    let cap = |house: &House, amount: i64| {
        let adaptive = Budget { hold: HoldMode::Adaptive, ..budget(1, Reach::One(Scope::Global), amount) };
        house.put_budget(&adaptive);
        assert_eq!(house.client().post(PATH, &body).status, 200);
        house.provider.requests()[0].json()["max_tokens"].as_u64().unwrap()
    };
    let by_length = cap(&house_with(None), USD * 6 / 100);
    let (house, tokenizer) = scripted();
    let by_tokens = cap(&house, USD * 6 / 100);
    assert!(8_192 < by_length && by_length < by_tokens && by_tokens < 16_000, "{by_length} {by_tokens}");
    assert_eq!(tokenizer.asked(), 1);

    let (house, tokenizer) = scripted();
    assert_eq!((cap(&house, USD), tokenizer.asked()), (16_000, 0), "all of it is there");
}

#[test]
fn m02_whose_vocabulary_nobody_knows_is_bounded_by_its_length() {
    let (house, tokenizer) = scripted();
    let body = capped().replace("gpt-4o-mini", "claude-haiku-4-5");
    let budget = house.put_global(USD);
    let ask = |house: &House| {
        house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
        let mut client = house.client();
        client.send("POST", "/v1/messages", body.as_bytes());
        House::wait(house.provider.wait_for_stalled(1));
        let held = house.own_balance(&budget).reserved;
        house.provider.release();
        assert_eq!(client.head().finish().status, 200);
        held
    };
    let dear = ask(&house);
    house.settle();
    let tight = Budget { amount: house.ledger_sum() + Nanodollars(dear.0 - 1), revision: 2, ..budget.clone() };
    house.put_budget(&tight);
    assert_eq!(house.client().post("/v1/messages", &body).status, 402);
    assert_eq!((tokenizer.asked(), house.provider.requests_total()), (0, 1));
}

#[test]
fn m02_what_was_counted_for_one_model_says_nothing_of_another() {
    let dear = by_length(&capped());
    let (house, tokenizer) = scripted();
    // Somebody's own server, whose models only have the name of OpenAI's.
    let url = house.provider.pinned_url(Vendor::OpenAi);
    house.add_provider("own", ProviderKind::OpenAiCompatible, &url, Some("openai"));
    house.add_credential("own", "key-3", &house.provider.add_key(Vendor::OpenAi, "key-3"));
    house.add_alias("both", &["openai/gpt-4o-mini", "own/gpt-4o-mini"]);
    let openai = house.store.load().unwrap().providers.into_iter().find(|one| one.name == "openai").unwrap().id;
    house.put_budget(&budget(2, Reach::One(Scope::Provider(openai)), 0));
    let body = capped().replace("gpt-4o-mini", "both");
    let everything = house.put_global(dear / 2);
    assert_eq!(house.client().post(PATH, &body).status, 402);
    assert_eq!((tokenizer.asked(), house.provider.requests_total()), (1, 0));
    house.put_budget(&Budget { amount: Nanodollars(dear), revision: 2, ..everything });
    assert_eq!(house.client().post(PATH, &body).header("x-keyward-provider"), Some("own"));
}

#[test]
fn m02_who_has_enough_is_never_counted() {
    let dear = by_length(&capped());
    let (house, tokenizer) = scripted();
    house.put_global(dear);
    assert_eq!(house.client().post(PATH, &capped()).status, 200);
    assert_eq!(tokenizer.asked(), 0);
}

#[test]
fn m02_where_no_prompt_is_short_enough_none_is_counted() {
    let (house, tokenizer) = scripted();
    // The answer alone is dearer than this.
    house.put_global(10_000);
    assert_eq!(house.client().post(PATH, &chat(&prompt(), r#","max_tokens":4000"#)).status, 402);
    assert_eq!((tokenizer.asked(), house.provider.requests_total()), (0, 0));
}

#[test]
fn m01_fifty_prompts_at_once_that_have_to_be_counted() {
    let dear = by_length(&capped());
    let (house, tokenizer) = scripted();
    // A call that is counted needs a bit more than a quarter, so this is for three, and not for one by its length.
    let budget = house.put_global(dear * 98 / 100);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).always());
    let mut open: Vec<Client> = (0..50).map(|_| house.client()).collect();
    for client in &mut open {
        client.send("POST", PATH, capped().as_bytes());
    }
    House::wait(house.provider.wait_for_stalled(3));
    house.provider.clear_script();
    let (tell, statuses) = channel();
    for mut client in open {
        let tell = tell.clone();
        std::thread::spawn(move || tell.send(client.head().finish().status));
    }
    // Whoever is refused is told before anybody is answered.
    let refused: Vec<u16> = statuses.iter().take(47).collect();
    let balance = house.own_balance(&budget);
    assert!(balance.reserved <= balance.limit, "{} of {}", balance.reserved, balance.limit);
    house.provider.release();
    let answered: Vec<u16> = statuses.iter().take(3).collect();
    assert_eq!((refused, answered, house.provider.requests_total()), (vec![402; 47], vec![200; 3], 3));
    assert!(tokenizer.asked() >= 3);
    house.settle();
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, house.ledger_sum()));
    assert!(balance.spent <= balance.limit);
}

#[test]
fn m02_what_looks_like_a_special_token_counts_as_text() {
    // As special tokens these would be 600; as the text that they are, they are 3,600 of 7,800 bytes.
    let body = chat(&"<|endoftext|>".repeat(600), r#","max_tokens":64"#);
    let dear = by_length(&body);
    let house = house_with(Some(Arc::new(Tiktoken)));
    let budget = house.put_global(dear * 3 / 10);
    assert_eq!(house.client().post(PATH, &body).status, 402);
    house.put_budget(&Budget { amount: Nanodollars(dear * 6 / 10), revision: 2, ..budget });
    assert_eq!(house.client().post(PATH, &body).status, 200);
}

#[test]
fn m02_a_cap_is_lowered_less_when_the_prompt_was_counted() {
    let body = chat(&prompt(), "");
    let cap = |tokenizer: Option<Arc<dyn Tokenizer>>, hold: HoldMode| {
        let house = house_with(tokenizer);
        house.put_budget(&Budget { hold, ..budget(1, Reach::One(Scope::Global), USD * 4 / 1000) });
        let answer = house.client().post(PATH, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        house.provider.requests()[0].json()["max_completion_tokens"].as_u64().unwrap()
    };
    for hold in [HoldMode::Strict, HoldMode::Adaptive] {
        let (by_length, by_tokens) = (cap(None, hold), cap(Some(Arc::new(Scripted::default())), hold));
        // At the dearest rates a token of the answer costs four times what one of the prompt does, or less.
        assert!(by_tokens >= by_length + (8_000 - 2_200) / 5, "{hold:?}: {by_length} {by_tokens}");
    }
}

#[test]
fn m02_a_budget_of_who_serves_counts_too() {
    let dear = by_length(&capped());
    let (house, tokenizer) = scripted();
    let provider = house.store.load().unwrap().providers.into_iter().find(|one| one.name == "openai").unwrap().id;
    let tight = budget(1, Reach::One(Scope::Provider(provider)), dear / 2);
    house.put_budget(&tight);
    assert_eq!(house.client().post(PATH, &capped()).status, 200);
    assert_eq!(tokenizer.asked(), 1);
    house.settle();
    // No cap, and too little for a long answer: shorter by the prompt's length, held, and exchanged for more.
    let tight = Budget { amount: house.ledger_sum() + Nanodollars(USD * 4 / 1000), revision: 2, ..tight };
    house.put_budget(&tight);
    assert_eq!(house.client().post(PATH, &chat(&prompt(), "")).status, 200);
    assert_eq!(tokenizer.asked(), 2);
    house.settle();
    assert_eq!(house.own_balance(&tight).spent, house.ledger_sum());
}

#[test]
fn m02_pictures_and_tools_of_the_vendor_are_not_counted() {
    let (house, tokenizer) = scripted();
    house.put_global(USD / 1000);
    let picture = r#"{"model":"gpt-4o-mini","max_tokens":64,"messages":[{"role":"user","content":
        [{"type":"image_url","image_url":{"url":"https://pictures.example/a.png"}}]}]}"#;
    let tool = chat(&prompt(), r#","max_tokens":64,"tools":[{"type":"shell"}]"#);
    for body in [picture, &tool] {
        assert_eq!(house.client().post(PATH, body).status, 402, "{body}");
    }
    assert_eq!((tokenizer.asked(), house.provider.requests_total()), (0, 0));
}

/// A house whose first key has a budget that is too small for its prompts by their length, and its tokenizer.
fn tight_for_one(body: &str) -> (House, Arc<Scripted>, String) {
    let dear = by_length(body);
    let (house, tokenizer) = scripted();
    let other = house.add_key("other", Grant::default());
    let first = house.virtual_key("everything").id;
    house.put_budget(&budget(1, Reach::One(Scope::VirtualKey(first)), dear / 2));
    (house, tokenizer, other)
}

#[test]
fn m02_a_long_prompt_being_counted_holds_nobody_else_up() {
    let body = chat(&"a".repeat(255 * 1024), r#","max_tokens":64"#);
    let (house, tokenizer, other) = tight_for_one(&body);
    let free = tokenizer.hold_up();
    let mut counted = house.client();
    counted.send("POST", PATH, body.as_bytes());
    house.until(|_| tokenizer.asked() == 1);
    // The house has one event loop. It serves others while the prompt is being counted.
    for _ in 0..3 {
        assert_eq!(house.client_with(&other).post(PATH, CHAT).status, 200);
    }
    assert_eq!(house.provider.requests_total(), 3);
    drop(free);
    assert_eq!(counted.head().finish().status, 200);
}

#[test]
fn m02_while_another_prompt_is_being_counted_the_length_has_to_do() {
    let (house, tokenizer, _) = tight_for_one(&capped());
    let free = tokenizer.hold_up();
    let mut counted = house.client();
    counted.send("POST", PATH, capped().as_bytes());
    house.until(|_| tokenizer.asked() == 1);
    assert_eq!(house.client().post(PATH, &capped()).status, 402);
    assert_eq!(tokenizer.asked(), 1);
    drop(free);
    assert_eq!(counted.head().finish().status, 200);
}

#[test]
fn m02_a_client_that_hangs_up_while_its_prompt_is_counted_leaves_nothing_behind() {
    let (house, tokenizer, _) = tight_for_one(&capped());
    let free = tokenizer.hold_up();
    let mut counted = house.client();
    counted.send("POST", PATH, capped().as_bytes());
    house.until(|_| tokenizer.asked() == 1);
    drop(counted);
    house.until(|house| house.metrics.in_flight() == 0);
    drop(free);
    assert_eq!((house.counting.book.pending(), house.provider.requests_total()), (0, 0));
    assert_eq!(house.client().post(PATH, &capped()).status, 200);
}

#[test]
fn m02_longer_requests_than_a_quarter_of_a_mebibyte_are_not_counted() {
    let body = chat(&"a".repeat(256 * 1024), r#","max_tokens":64"#);
    let (house, tokenizer, _) = tight_for_one(&body);
    assert_eq!(house.client().post(PATH, &body).status, 402);
    assert_eq!((tokenizer.asked(), house.provider.requests_total()), (0, 0));
}
