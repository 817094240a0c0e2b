//! Calls: written in the dialect of the model's provider, through the gateway's own pipeline.

use keyward::{ChatRequest, Error, Message, Role, Strategy};
use keyward::{Keyward, ProviderId};
use keyward_domain::dialect::Dialect;
use keyward_domain::ledger::AttemptOutcome;
use keyward_testkit::provider::{Fault, KeyBehaviour, ScriptedProvider, Stall, Vendor, VendorError};

use crate::place::{Place, sandbox};

const MODELS: [(Vendor, &str, Dialect); 3] = [
    (Vendor::OpenAi, "gpt-4o-mini", Dialect::OpenAi),
    (Vendor::Anthropic, "claude-haiku-4-5", Dialect::Anthropic),
    (Vendor::Gemini, "gemini-2.5-flash", Dialect::Gemini),
];

fn conversation(model: &str) -> ChatRequest {
    ChatRequest::new(model)
        .system("Answer in one sentence.")
        .user("Hello")
        .assistant("Good morning.")
        .user("How are you?")
        .max_tokens(64)
        .temperature(0.5)
        .session("a-test")
}

#[tokio::test]
async fn every_vendor_is_asked_in_its_own_dialect_and_its_bill_is_in_the_ledger() {
    let provider = ScriptedProvider::start().await;
    let secrets = MODELS.map(|(vendor, ..)| (vendor, "main", provider.add_key(vendor, vendor.name())));
    let keys: Vec<_> = secrets.iter().map(|(vendor, name, secret)| (*vendor, *name, secret.as_str())).collect();
    let place = Place::with_vendors(&provider, &keys);
    let keyward = place.open().await;
    let mut answers = Vec::new();
    for (vendor, model, _) in MODELS {
        let answer = keyward.chat(conversation(model)).await.unwrap();
        assert!(!answer.text.is_empty() && !answer.finish.is_empty(), "{answer:?}");
        assert_eq!((answer.provider.as_str(), answer.key.as_str(), answer.attempts), (vendor.name(), "main", 1));
        assert_eq!(answer.model, model);
        answers.push(answer);
    }
    keyward.close().await.unwrap();

    let bill = provider.bill();
    let (mut entries, _) = place.kept();
    assert_eq!((bill.len(), entries.len()), (3, 3));
    // Ids of one millisecond are in no order.
    let asked = |id: &str| answers.iter().position(|answer| answer.request == id);
    entries.sort_by_key(|entry| asked(&entry.subject.attempt.request.to_string()));
    for (((vendor, model, dialect), answer), (entry, line)) in
        MODELS.iter().zip(&answers).zip(entries.iter().zip(&bill))
    {
        let subject = &entry.subject;
        assert_eq!((&*subject.provider_name, &*subject.model, subject.dialect), (vendor.name(), *model, *dialect));
        assert_eq!(
            (entry.outcome, entry.subject.attempt.request.to_string()),
            (AttemptOutcome::Completed, answer.request.clone())
        );
        assert_eq!(Some(entry.usage), answer.usage, "the caller is told what the ledger has");
        assert_eq!(entry.cost, answer.cost);
        assert!(entry.cost.is_some());
        assert_eq!(entry.usage.prompt_tokens(), line.input(), "{vendor:?}");
    }
}

#[tokio::test]
async fn a_stream_of_every_vendor_says_what_the_whole_answer_says() {
    let provider = ScriptedProvider::start().await;
    let secrets = MODELS.map(|(vendor, ..)| (vendor, "main", provider.add_key(vendor, vendor.name())));
    let keys: Vec<_> = secrets.iter().map(|(vendor, name, secret)| (*vendor, *name, secret.as_str())).collect();
    let place = Place::with_vendors(&provider, &keys);
    let keyward = place.open().await;
    for (vendor, model, _) in MODELS {
        let whole = keyward.chat(conversation(model)).await.unwrap();
        provider.clear_cache();
        let mut stream = keyward.chat_stream(conversation(model)).await.unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = stream.next().await.unwrap() {
            pieces.push(piece);
        }
        assert!(pieces.len() > 1, "{vendor:?}: {pieces:?}");
        let answer = stream.finish().await.unwrap();
        assert_eq!((&answer.text, &answer.finish), (&whole.text, &whole.finish), "{vendor:?}");
        assert_eq!(pieces.concat(), whole.text);
        assert_eq!((&answer.provider, &answer.model, &answer.key), (&whole.provider, &whole.model, &whole.key));
        assert_eq!(
            answer.usage.map(|usage| usage.completion_tokens()),
            whole.usage.map(|usage| usage.completion_tokens())
        );
        assert!(answer.cost.is_some());
    }
    keyward.close().await.unwrap();
    let (entries, _) = place.kept();
    assert_eq!(entries.iter().filter(|entry| entry.subject.streamed).count(), 3);
    assert!(entries.iter().all(|entry| entry.outcome == AttemptOutcome::Completed));
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_told() {
    let keyward = sandbox(&["one"]).await;
    let broken = ChatRequest::new("sandbox-small").user("Tell me a story [[tokens=50 fail_after=10]]");
    let mut stream = keyward.chat_stream(broken).await.unwrap();
    let mut pieces = 0;
    let error = loop {
        match stream.next().await {
            Ok(Some(_)) => pieces += 1,
            Ok(None) => panic!("it did not end well"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Call(_)), "{error}");
    assert!(pieces > 0);
    let refused = keyward.chat_stream(ChatRequest::new("nobody-has-this").user("Hello")).await;
    assert!(matches!(refused, Err(Error::Call(refused)) if refused.code == "model_not_found"));
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_call_whose_first_key_is_refused_is_served_by_the_next() {
    let provider = ScriptedProvider::start().await;
    let good = provider.add_key(Vendor::OpenAi, "good");
    let bad = provider.add_key(Vendor::OpenAi, "bad");
    provider.set_behaviour("bad", &KeyBehaviour::Refuses(VendorError::InvalidKey));
    let place = Place::with_vendors(&provider, &[(Vendor::OpenAi, "bad", &bad), (Vendor::OpenAi, "good", &good)]);
    let keyward = place.open().await;
    let mut attempts = 0;
    for _ in 0..20 {
        let answer = keyward.chat(ChatRequest::new("gpt-4o-mini").user("Hello")).await.unwrap();
        assert_eq!(answer.key, "good");
        attempts += answer.attempts;
    }
    assert!(attempts <= 21, "a key that was refused once is not asked again: {attempts} attempts");
    let health = keyward.health().await.unwrap();
    let bad = health.keys.iter().find(|key| key.key == "bad").unwrap();
    assert!(attempts == 20 || bad.state == "suspect", "{bad:?}");
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn refusals_carry_their_code_in_every_dialect() {
    let provider = ScriptedProvider::start().await;
    let secrets = MODELS.map(|(vendor, ..)| (vendor, "main", provider.add_key(vendor, vendor.name())));
    let keys: Vec<_> = secrets.iter().map(|(vendor, name, secret)| (*vendor, *name, secret.as_str())).collect();
    let place = Place::with_vendors(&provider, &keys);
    let keyward = place.open().await;
    for (vendor, model, _) in MODELS {
        provider.set_behaviour(vendor.name(), &KeyBehaviour::Refuses(VendorError::InvalidKey));
        let Err(Error::Call(refused)) = keyward.chat(conversation(model)).await else { panic!() };
        assert_eq!((refused.code.as_str(), refused.status), ("no_usable_key", 503), "{vendor:?}: {refused}");
        assert!(refused.request.is_some_and(|id| id.starts_with("req_")));
    }
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_model_that_nobody_offers_is_named() {
    let keyward = sandbox(&["one"]).await;
    let Err(Error::Call(refused)) = keyward.chat(ChatRequest::new("sandbox-smal").user("Hello")).await else {
        panic!()
    };
    assert_eq!((refused.status, refused.code.as_str()), (404, "model_not_found"));
    assert!(refused.message.contains("sandbox-small"), "{refused}");
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn the_callers_history_is_what_the_model_is_told() {
    let keyward = sandbox(&["one"]).await;
    let said = |role, text: &str| Message { role, text: text.to_owned() };
    let history = [said(Role::User, "First"), said(Role::Assistant, "Yes?"), said(Role::User, "Second")];
    let answer = keyward.chat(ChatRequest::new("sandbox-echo").messages(history)).await.unwrap();
    assert_eq!(answer.text, "Second");
    let short = keyward.chat(ChatRequest::new("sandbox-echo").user("Second")).await.unwrap();
    assert!(answer.usage.unwrap().prompt_tokens() > short.usage.unwrap().prompt_tokens());
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_session_stays_with_one_key() {
    let keyward = sandbox(&["one", "two", "three", "four"]).await;
    let mut keys = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let request = ChatRequest::new("sandbox-echo").user("Hello").session("one-conversation");
        keys.insert(keyward.chat(request).await.unwrap().key);
    }
    assert_eq!(keys.len(), 1, "{keys:?}");
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_wait_for_each_other() {
    let keyward = sandbox(&["one", "two"]).await;
    keyward.set_strategy(ProviderId::SANDBOX, Strategy::RoundRobin).await.unwrap();
    let calls = (0..64).map(|_| {
        let keyward: Keyward = keyward.clone();
        async move { keyward.chat(ChatRequest::new("sandbox-echo").user("Hello [[ttft_ms=5]]")).await.unwrap().key }
    });
    let mut together = tokio::task::JoinSet::new();
    calls.for_each(|call| drop(together.spawn(call)));
    let keys = together.join_all().await;
    assert_eq!(keys.iter().filter(|key| *key == "one").count(), 32, "{keys:?}");
    let stats = keyward.provider_stats(ProviderId::SANDBOX).await.unwrap();
    assert_eq!((stats.requests, stats.errors), (64, 0));
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_given_up_is_settled() {
    let provider = ScriptedProvider::start().await;
    let secret = provider.add_key(Vendor::OpenAi, "main");
    let place = Place::with_vendors(&provider, &[(Vendor::OpenAi, "main", &secret)]);
    let keyward = place.open().await;
    provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let mut waiting = Box::pin(keyward.chat(ChatRequest::new("gpt-4o-mini").user("Hello")));
    while provider.stalled() == 0 {
        tokio::select! {
            answer = &mut waiting => panic!("{answer:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(waiting);
    keyward.close().await.unwrap();
    let (entries, _) = place.kept();
    assert_eq!(entries.iter().map(|entry| entry.outcome).collect::<Vec<_>>(), [AttemptOutcome::ClientGone]);
}
