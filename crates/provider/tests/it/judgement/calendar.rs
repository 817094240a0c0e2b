//! When used-up quotas begin anew.

use http::{HeaderMap, StatusCode};
use keyward_domain::judgement::{Judgement, Lasts};
use keyward_domain::provider::ProviderKind;
use keyward_domain::time::Timestamp;
use keyward_provider::{Asked, judgement};

fn at(moment: &str) -> Timestamp {
    Timestamp::from_unix_millis(moment.parse::<jiff::Timestamp>().expect("a moment").as_millisecond())
}

fn judged(kind: ProviderKind, status: u16, now: &str, body: &str) -> Judgement {
    let status = StatusCode::from_u16(status).expect("a status");
    let headers = HeaderMap::new();
    judgement(&Asked { kind, status, headers: &headers, body: body.as_bytes(), overrides: &[], now: at(now) })
}

const GEMINI_DAY: &str = r#"{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[
    {"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},{"retryDelay":"12s"}]}}"#;

#[test]
fn k01_geminis_day_begins_at_midnight_in_california_in_summer_and_winter() {
    for (now, resets) in [
        ("2026-11-20T07:59:59Z", "2026-11-20T08:00:00Z"),
        ("2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z"),
        ("2026-07-01T12:00:00Z", "2026-07-02T07:00:00Z"),
        // The clocks go forward on 2026-03-08 at 10:00 UTC, and back on 2026-11-01 at 09:00 UTC.
        ("2026-03-07T20:00:00Z", "2026-03-08T08:00:00Z"),
        ("2026-03-08T09:00:00Z", "2026-03-09T07:00:00Z"),
        ("2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"),
        ("2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z"),
    ] {
        let judged = judged(ProviderKind::Gemini, 429, now, GEMINI_DAY);
        assert_eq!(judged.lasts, Lasts::Until(at(resets)), "{now}");
    }
}

#[test]
fn k01_anthropics_month_begins_at_midnight_utc_of_the_first() {
    let cap = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Monthly limit","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    for (now, resets) in [
        ("2026-11-20T07:40:00Z", "2026-12-01T00:00:00Z"),
        ("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
        ("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    ] {
        let judged = judged(ProviderKind::Anthropic, 429, now, cap);
        assert_eq!(judged.lasts, Lasts::Until(at(resets)), "{now}");
    }
}

#[test]
fn k01_a_stated_day_goes_before_the_calendar() {
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-11-25 at 06:30 UTC."}}"#;
    let judged = judged(ProviderKind::Anthropic, 400, "2026-11-20T07:40:00Z", body);
    assert_eq!(judged.lasts, Lasts::Until(at("2026-11-25T06:30:00Z")));
}

#[test]
fn k01_the_end_of_time_is_no_reason_to_fall_over() {
    for now in [i64::MIN, -1, 0, i64::MAX] {
        let now = Timestamp::from_unix_millis(now);
        let headers = HeaderMap::new();
        let status = StatusCode::TOO_MANY_REQUESTS;
        let body = GEMINI_DAY.as_bytes();
        let asked = Asked { kind: ProviderKind::Gemini, status, headers: &headers, body, overrides: &[], now };
        assert!(matches!(judgement(&asked).lasts, Lasts::Until(until) if until >= now));
    }
}
