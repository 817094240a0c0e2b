//! Limits through the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::ids::{LimitId, TenantId};
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::{Limit, LimitPeriod, Meter, OnLoss};
use keyward_domain::port::{Amounts, Answer as Said, Ask, Change, Clock as _, Counters, Level, Refusal, Taken};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_limit::rate::InProcess;
use keyward_testkit::provider::{Fault, Stall, VendorError};

use crate::budgets::USD;
use crate::house::{Answer, BEGIN, CHAT, House, PATH, code, streamed};

pub(crate) fn limit(number: u128, reach: Reach, meter: Meter, quota: u64) -> Limit {
    Limit {
        id: LimitId::from_bits(number),
        tenant: TenantId::DEFAULT,
        set_by: Realm::Installation,
        reach,
        meter,
        quota,
        period: (meter != Meter::Concurrency).then_some(LimitPeriod::Minute),
        burst: None,
        mode: Mode::Enforce,
        on_loss: OnLoss::LocalShare,
        created_at: BEGIN,
        revision: 1,
    }
}

pub(crate) fn global(meter: Meter, quota: u64) -> Limit {
    limit(1, Reach::One(Scope::Global), meter, quota)
}

impl House {
    pub(crate) fn put_limit(&self, limit: &Limit) {
        self.commit(Change::PutLimit(limit.clone()));
        self.publish();
    }

    /// How much of a limit is in use.
    fn used(&self, limit: &Limit, scope: &Scope) -> u64 {
        let counters: &InProcess = &self.in_process;
        counters.level(limit, scope, self.clock.monotonic()).used
    }

    pub(crate) fn used_globally(&self, limit: &Limit) -> u64 {
        self.used(limit, &Scope::Global)
    }
}

fn refused(answer: &Answer, wanted: &str) {
    assert_eq!((answer.status, code(answer)), (429, wanted.to_owned()), "{}", answer.text());
}

#[test]
fn l01_a_hundred_a_minute_and_a_thousand_calls() {
    let house = House::with_keys(1);
    let limit = global(Meter::Requests, 100);
    house.put_limit(&limit);
    let answers: Vec<_> = (0..10).flat_map(|_| house.storm(100, CHAT)).collect();
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 100);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        refused(answer, "rate_limited");
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=61).contains(&after), "{after}");
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""global-requests-minute";q=100;w=60"#));
        assert!(answer.header("ratelimit").unwrap().starts_with(r#""global-requests-minute";r=0;t="#));
    }
    assert_eq!(house.provider.requests_total(), 100);
    house.clock.advance(Duration::from_secs(62));
    assert_eq!(house.chat().status, 200);
}

#[test]
fn l02_a_refused_call_changes_no_counter() {
    let house = House::with_keys(1);
    let requests = global(Meter::Requests, 100);
    let tokens = limit(2, Reach::One(Scope::Global), Meter::Tokens, 5_000);
    let places = limit(3, Reach::One(Scope::Global), Meter::Concurrency, 1);
    house.put_limit(&requests);
    house.put_limit(&tokens);
    house.put_limit(&places);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let mut first = house.client();
    first.send("POST", PATH, CHAT.as_bytes());
    House::wait(house.provider.wait_for_stalled(1));
    let before = [&requests, &tokens, &places].map(|limit| house.used_globally(limit));
    assert_eq!((before[0], before[2]), (1, 1));
    assert!(before[1] > 0, "an estimate is taken");
    for _ in 0..5 {
        refused(&house.chat(), "concurrency_limited");
    }
    assert_eq!([&requests, &tokens, &places].map(|limit| house.used_globally(limit)), before);
    house.provider.release();
    assert_eq!(first.head().finish().status, 200);
    house.until(|house| house.used_globally(&places) == 0);
    // The truth has taken the place of the estimate.
    let mut house = house;
    let used = house.used_globally(&tokens);
    let usage = house.entries().pop().unwrap().usage;
    assert_eq!(used, usage.prompt_tokens() + usage.completion_tokens());
}

#[test]
fn l02_what_a_budget_refuses_counts_for_no_limit() {
    let house = House::with_keys(1);
    let requests = global(Meter::Requests, 100);
    house.put_limit(&requests);
    house.put_global(0);
    assert_eq!(house.chat().status, 402);
    assert_eq!(house.used_globally(&requests), 0);
}

#[test]
fn l02_what_a_limit_refuses_holds_no_money() {
    let house = House::with_keys(1);
    house.put_limit(&global(Meter::Requests, 0));
    let budget = house.put_global(USD);
    let answer = house.chat();
    assert_eq!((answer.status, code(&answer)), (400, "request_exceeds_limit".to_owned()), "{}", answer.text());
    assert_eq!(house.own_balance(&budget).reserved.0, 0);
    assert_eq!(house.counting.book.pending(), 0);
}

#[test]
fn a84_a_request_that_never_fits_is_told_so() {
    let house = House::with_keys(1);
    house.put_limit(&global(Meter::InputTokens, 10));
    let answer = house.chat();
    assert_eq!((answer.status, code(&answer)), (400, "request_exceeds_limit".to_owned()));
    assert_eq!(answer.header("retry-after"), None);
    assert!(answer.text().contains("10 input tokens per minute"), "{}", answer.text());
}

#[test]
fn l03_places_come_back_however_a_call_ends() {
    let house = House::with_keys(2);
    let places = global(Meter::Concurrency, 50);
    house.put_limit(&places);
    let faults = [
        Fault::refuse(VendorError::Internal),
        Fault::refuse(VendorError::RateLimited(None)),
        Fault::answer().answer_tokens(20).cut_at(200, keyward_testkit::provider::Close::Reset),
        Fault::hang_up(keyward_testkit::provider::Close::Fin),
    ];
    for fault in faults {
        house.provider.script(fault);
        for body in [CHAT.to_owned(), streamed(CHAT), "not json".to_owned()] {
            let _ = house.client().post(PATH, &body);
        }
    }
    for at in 0..20 {
        house.provider.script(Fault::answer().answer_tokens(8).tokens_per_frame(1).stall(Stall::AfterTokens(at % 4)));
        let mut client = house.client();
        client.send("POST", PATH, streamed(CHAT).as_bytes());
        House::wait(house.provider.wait_for_stalled(1));
        assert!(house.used_globally(&places) >= 1);
        drop(client);
        house.until(|house| house.used_globally(&places) == 0);
        house.provider.release();
        house.until(|house| house.provider.stalled() == 0);
    }
}

#[test]
fn each_user_has_a_limit_of_their_own() {
    let mut house = House::with_keys(1);
    house.put_limit(&limit(1, Reach::Each(ScopeKind::User), Meter::Requests, 10));
    let user = |bits| Some(keyward_domain::ids::UserId::from_bits(bits));
    let ada = house.add_key_with("ada", |key| key.user = user(1));
    let grace = house.add_key_with("grace", |key| key.user = user(2));
    for key in [ada, grace] {
        house.key = key;
        let passed = (0..12).filter(|_| house.chat().status == 200).count();
        assert_eq!(passed, 10);
    }
}

#[test]
fn a_limit_of_one_provider_is_passed_by_for_another() {
    let house = House::with_providers(|_| {}, &[("openai", &["one"]), ("spare", &["two"])]);
    house.add_alias("fast", &["openai/gpt-4o-mini", "spare/gpt-4o-mini"]);
    let records = keyward_domain::port::Store::load(&*house.store).unwrap();
    let openai = records.providers.iter().find(|provider| provider.name == "openai").unwrap().id;
    house.put_limit(&limit(1, Reach::One(Scope::Provider(openai)), Meter::Requests, 2));
    let served: Vec<_> =
        (0..4).map(|_| house.chat_with("fast").header("x-keyward-provider").unwrap().to_owned()).collect();
    assert_eq!(served, ["openai", "openai", "spare", "spare"]);
    refused(&house.chat_with("openai/gpt-4o-mini"), "rate_limited");
}

#[test]
fn answers_tell_of_the_tightest_limit() {
    let house = House::with_keys(1);
    house.put_limit(&global(Meter::Requests, 4));
    house.put_limit(&limit(2, Reach::One(Scope::Global), Meter::Tokens, 1_000_000));
    let answer = house.chat();
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""global-requests-minute";q=4;w=60"#));
    assert!(answer.header("ratelimit").unwrap().starts_with(r#""global-requests-minute";r=3;t="#));
}

#[test]
fn a_limit_that_only_watches_lets_pass_and_counts() {
    let house = House::with_keys(1);
    house.put_limit(&Limit { mode: Mode::Observe, ..global(Meter::Requests, 1) });
    assert_eq!((0..3).filter(|_| house.chat().status == 200).count(), 3);
    assert!(house.metrics.render().contains(r#"keyward_would_refuse_total{scope="global",meter="requests"} 2"#));
}

/// Shared counters that are away, and how often they were asked.
#[derive(Default)]
struct Away(AtomicU32);

impl Counters for Away {
    fn take(&self, asks: Vec<Ask>, _: AttemptId, _: Duration) -> Said<Result<Taken, Refusal>> {
        self.0.fetch_add(1, Relaxed);
        Said::ready(Err(Refusal::Away(asks[0].reached(Duration::from_secs(1)))))
    }

    fn settle(&self, _: Taken, _: Amounts, _: Duration) {}

    fn undo(&self, _: Taken, _: Duration) {}

    fn view(&self, _: &Arc<Limit>, _: &Scope, _: Duration) -> Said<Level> {
        Said::ready(Level::default())
    }
}

#[test]
fn a_closed_limit_whose_counters_are_away_refuses_at_once_and_says_why() {
    for (reach, called) in [
        (Scope::Global, "global"),
        (Scope::Model(TenantId::DEFAULT, "openai/gpt-4o-mini".into()), "model:openai/gpt-4o-mini"),
    ] {
        // Calls would wait for room in a limit that is reached, for longer than the test may take.
        let mut house = House::with_keys_and(1, |options| options.queue.wait = Duration::from_mins(10));
        house.put_limit(&Limit { on_loss: OnLoss::Closed, ..limit(1, Reach::One(reach), Meter::Requests, 6) });
        let counters = Arc::new(Away::default());
        house.count_at(Arc::clone(&counters) as _);
        let answer = house.chat();
        assert_eq!((answer.status, code(&answer)), (503, "overloaded".to_owned()), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("ratelimit"), None, "nothing is known of it");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&format!("The limit of 6 requests per minute on {called} is counted together")));
        assert_eq!(counters.0.load(Relaxed), 1, "{called}: asked once");
        assert_eq!(house.provider.requests_total(), 0);
    }
}
