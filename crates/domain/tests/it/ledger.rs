//! The ledger's vocabulary: scopes, traces, outcomes, corrections, comparisons.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TeamId, TenantId, UserId};
use keyward_domain::ledger::{
    AttemptId, AttemptOutcome, Attributed, Correction, Dimension, Entry, FIRST_CORRECTION, Figures, MAX_DRIFTS,
    Reconciliation, RequestRow, Subject, TraceContext, callers_scopes,
};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_domain::window::{Period, WeekStart};

const TENANT: TenantId = TenantId::from_bits(1);

fn entry(number: u8) -> Entry {
    Entry {
        subject: Subject {
            attempt: AttemptId { request: RequestId::from_bits(7), number },
            at: Timestamp::from_unix_millis(1_795_176_000_000),
            tenant: TENANT,
            virtual_key: TokenId::from_bits(4),
            provider: ProviderId::from_bits(5),
            provider_name: "north".into(),
            credential: CredentialId::from_bits(6),
            credential_name: "main".into(),
            requested_model: "small".into(),
            model: "small-1".into(),
            dialect: Dialect::OpenAi,
            operation: Operation::Chat,
            streamed: false,
            reserved: Some(Nanodollars(9)),
            price_version: "1".into(),
            attributed: None,
            trace: None,
            named: None,
        },
        outcome: AttemptOutcome::Completed,
        status: 200,
        usage: Usage { output: 3, ..Usage::default() },
        source: UsageSource::Provider,
        cost: Some(Nanodollars(5)),
        raw_usage: Some("{}".into()),
        duration: Duration::from_secs(1),
        first_content: None,
        overhead: Duration::ZERO,
    }
}

fn everybody() -> Attributed {
    Attributed {
        team: Some(TeamId::from_bits(2)),
        user: Some(UserId::from_bits(3)),
        end_user: Some("eva".into()),
        tags: vec!["blue".into(), "red".into()],
    }
}

#[test]
fn an_attempt_touches_every_scope_once_in_the_order_of_locks() {
    let all = everybody();
    let callers = [
        Scope::Global,
        Scope::Tenant(TENANT),
        Scope::Team(TeamId::from_bits(2)),
        Scope::User(UserId::from_bits(3)),
        Scope::EndUser(TENANT, "eva".into()),
        Scope::VirtualKey(TokenId::from_bits(4)),
        Scope::Tag(TENANT, "blue".into()),
        Scope::Tag(TENANT, "red".into()),
    ];
    assert_eq!(callers_scopes(TENANT, TokenId::from_bits(4), Some(&all)), callers);
    let nobody = [Scope::Global, Scope::Tenant(TENANT), Scope::VirtualKey(TokenId::from_bits(4))];
    assert_eq!(callers_scopes(TENANT, TokenId::from_bits(4), None), nobody);

    let mut subject = Subject { attributed: Some(Arc::new(all)), ..entry(1).subject };
    let scopes = subject.scopes();
    assert_eq!(scopes[..8], callers);
    let model = Scope::Model(TENANT, "north/small-1".into());
    let servers =
        [Scope::Provider(ProviderId::from_bits(5)), Scope::Credential(CredentialId::from_bits(6)), model.clone()];
    assert_eq!(scopes[8..], servers);
    subject.credential = CredentialId::from_bits(0);
    assert_eq!(subject.scopes()[8..], [servers[0].clone(), model], "a provider without keys");
}

#[test]
fn nobody_is_named_only_where_nothing_is() {
    assert!(Attributed::default().is_empty());
    let all = everybody();
    let named = [
        Attributed { team: all.team, ..Attributed::default() },
        Attributed { user: all.user, ..Attributed::default() },
        Attributed { end_user: all.end_user.clone(), ..Attributed::default() },
        Attributed { tags: all.tags.clone(), ..Attributed::default() },
        all,
    ];
    assert!(named.iter().all(|attributed| !attributed.is_empty()));
}

#[test]
fn a_trace_is_read_as_the_specification_writes_it_and_anything_else_is_none() {
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let read = |flags: &str| TraceContext::parse(&format!("00-{trace}-{parent}-{flags}"));
    let sampled = read("01").unwrap();
    assert_eq!(u128::from_be_bytes(sampled.trace), u128::from_str_radix(trace, 16).unwrap());
    assert_eq!(u64::from_be_bytes(sampled.parent), u64::from_str_radix(parent, 16).unwrap());
    let flags = ["00", "01", "02", "03", "ff"].map(|flags| read(flags).unwrap().sampled);
    assert_eq!(flags, [false, true, false, true, true]);
    assert!(TraceContext::parse(&format!("01-{trace}-{parent}-01-more")).is_some(), "a later version may say more");
    for bad in [
        String::new(),
        format!("00-{trace}-{parent}"),
        format!("0-{trace}-{parent}-01"),
        format!("ff-{trace}-{parent}-01"),
        format!("00-{}-{parent}-01", &trace[1..]),
        format!("00-{trace}-{}-01", &parent[1..]),
        format!("00-{trace}-{parent}-1"),
        format!("00-{trace}-{parent}-zz"),
        format!("00-{}-{parent}-01", "0".repeat(32)),
        format!("00-{trace}-{}-01", "0".repeat(16)),
        format!("00-{}-{parent}-01", "g".repeat(32)),
    ] {
        assert_eq!(TraceContext::parse(&bad), None, "{bad}");
    }
}

#[test]
fn every_outcome_is_read_back_from_its_word() {
    for outcome in AttemptOutcome::ALL {
        assert_eq!(AttemptOutcome::parse(outcome.as_str()), Some(outcome));
    }
    assert_eq!(AttemptOutcome::parse("done"), None);
}

#[test]
fn four_dimensions_are_stretches_of_time() {
    let periods = [Dimension::Hour, Dimension::Day, Dimension::Week, Dimension::Month].map(Dimension::period);
    let week = Period::Week { starts: WeekStart::Monday };
    assert_eq!(periods, [Period::Hour, Period::Day, week, Period::Month { starts: 1 }].map(Some));
    for other in [Dimension::Tenant, Dimension::Tag, Dimension::Model, Dimension::Operation] {
        assert_eq!(other.period(), None);
    }
}

#[test]
fn a_correction_counts_where_its_attempt_counts_and_says_why() {
    let attempt = entry(1);
    let note = Correction {
        corrects: 1,
        made_at: Timestamp::EPOCH,
        reason: "billed otherwise".to_owned(),
        repriced: true,
        prices: false,
    };
    let correction = attempt.corrected(FIRST_CORRECTION, Nanodollars(-2), &"2".into(), &note);
    assert_eq!((correction.correction(), attempt.correction()), (Some(note), None));
    assert_eq!(correction.cost, Some(Nanodollars(-2)));
    assert_eq!((correction.subject.scopes(), correction.subject.at), (attempt.subject.scopes(), attempt.subject.at));
    assert_eq!((correction.subject.reserved, &*correction.subject.price_version), (None, "2"));
    assert!(correction.usage.is_zero(), "tokens are counted with the attempt");

    let row = |attempts: Vec<Entry>| RequestRow { request: RequestId::from_bits(7), attempts, refusal: None };
    let both = row(vec![attempt.clone(), correction.clone()]);
    assert_eq!(both.made().collect::<Vec<_>>(), [&attempt]);
    let next = |numbers: &[u8]| row(numbers.iter().map(|number| entry(*number)).collect()).next_correction();
    let numbers = [next(&[]), next(&[1, 2]), next(&[1, 127]), next(&[1, 128]), next(&[1, 254]), next(&[1, 255])];
    assert_eq!(numbers, [Some(128), Some(128), Some(128), Some(129), Some(255), None]);
}

#[test]
fn a_comparison_lists_so_many_differences_and_counts_the_rest() {
    let figures = |cost| Figures { cost: Nanodollars(cost), ..Figures::default() };
    let mut comparison = Reconciliation::default();
    comparison.compare(|| panic!("they agree"), figures(5), figures(5));
    assert!(comparison.drifts.is_empty());
    for number in 0..MAX_DRIFTS + 3 {
        let kept = figures(if number % 2 == 0 { 7 } else { 2 });
        comparison.compare(|| Some(Scope::Global), figures(5), kept);
    }
    assert_eq!((comparison.drifts.len(), comparison.more_drifts), (MAX_DRIFTS, 3));
    let first = &comparison.drifts[0];
    assert_eq!((&first.scope, first.rows, first.kept), (&Some(Scope::Global), figures(5), figures(7)));
    let each = i64::try_from(MAX_DRIFTS / 2).unwrap();
    assert_eq!(comparison.drift(), Nanodollars(each * 2 + each * 3), "too much and too little do not make up for it");
}
