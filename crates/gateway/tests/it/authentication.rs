//! Who gets in, and what the others are told, each in the dialect they spoke.

use std::time::Duration;

use keyward_domain::port::Change;
use keyward_domain::token::{Environment, MintedToken};
use keyward_domain::virtual_key::{Grant, KeyStatus};

use crate::house::{Answer, BEGIN, House};

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#;

/// Headers, and the status and code that they bring.
type Case<'a> = (Vec<(&'a str, String)>, u16, &'a str);

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a01_to_a08_bad_credentials() {
    let house = House::open();
    let good = house.key.clone();
    let mut typo = good.clone();
    typo.replace_range(40..41, if &good[40..41] == "x" { "y" } else { "x" });
    let stranger = MintedToken::mint(Environment::Live, &*house.entropy).unwrap();
    let stranger = String::from_utf8(stranger.token.expose().to_vec()).unwrap();
    let wrong_secret = {
        let id = good[8..20].parse().unwrap();
        let minted = MintedToken::mint_for(Environment::Live, id, &*house.entropy).unwrap();
        String::from_utf8(minted.token.expose().to_vec()).unwrap()
    };
    let admin = MintedToken::mint(Environment::Adm, &*house.entropy).unwrap();
    let admin = String::from_utf8(admin.token.expose().to_vec()).unwrap();

    let cases: Vec<Case<'_>> = vec![
        (vec![], 401, "missing_credential"),
        (vec![("authorization", "Bearer ".into())], 401, "missing_credential"),
        (vec![("authorization", "Bearer".into())], 401, "missing_credential"),
        (vec![("authorization", "Basic abc".into())], 401, "invalid_key"),
        (vec![("authorization", format!("Bearer {}", &good[..69]))], 401, "invalid_key"),
        (vec![("authorization", format!("Bearer {good}x"))], 401, "invalid_key"),
        (vec![("authorization", format!("Bearer {typo}"))], 401, "invalid_key"),
        (vec![("authorization", format!("Bearer {stranger}"))], 401, "invalid_key"),
        (vec![("authorization", format!("Bearer {wrong_secret}"))], 401, "invalid_key"),
        (vec![("authorization", "Bearer ' OR 1=1--".into())], 401, "invalid_key"),
        (vec![("authorization", format!("Bearer {admin}"))], 403, "wrong_key_environment"),
        (
            vec![("authorization", format!("Bearer {good}")), ("x-api-key", stranger.clone())],
            401,
            "ambiguous_credentials",
        ),
        (vec![("authorization", format!("Bearer {good}")), ("x-api-key", good.clone())], 200, ""),
        (vec![("authorization", format!("bearer   {good}  "))], 200, ""),
        (vec![("api-key", good.clone())], 200, ""),
    ];
    for (headers, status, expected) in cases {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let answer = house.client().headers(&headers).post("/v1/chat/completions", CHAT);
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
        if status != 200 {
            assert_eq!(code(&answer).1, expected, "{headers:?}");
            assert!(!answer.text().contains(&good) && !answer.text().contains(&stranger), "no echo");
        }
    }
    let unknown = house.client_with(&stranger).post("/v1/chat/completions", CHAT);
    let wrong = house.client_with(&wrong_secret).post("/v1/chat/completions", CHAT);
    let without_id = |answer: &Answer| answer.json()["error"]["message"].clone();
    assert_eq!(without_id(&unknown), without_id(&wrong), "an unknown id reads like a wrong secret");
}

#[test]
fn a93_a_key_in_the_query_is_refused() {
    let house = House::open();
    let key = house.key.clone();
    let path = format!("/v1beta/models/gemini-2.5-flash:generateContent?key={key}");
    let answer = house.client().headers(&[]).post(&path, r#"{"contents":[]}"#);
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(!answer.text().contains(&key));
    let house = House::with(|options| options.allow_query_key = true);
    let path = format!("/v1beta/models/gemini-2.5-flash:generateContent?key={}", house.key);
    let body = r#"{"contents":[{"parts":[{"text":"Hello"}]}]}"#;
    assert_eq!(house.client().headers(&[]).post(&path, body).status, 200);
    assert!(!house.provider.requests()[0].target.contains(&house.key), "and never sent on");
}

#[test]
fn v02_both_tokens_work_until_the_grace_ends() {
    let house = House::open();
    let old = house.add_key("rotating", Grant::default());
    let id = old[8..20].parse().unwrap();
    let minted = MintedToken::mint_for(Environment::Live, id, &*house.entropy).unwrap();
    let new = String::from_utf8(minted.token.expose().to_vec()).unwrap();
    let record = house.virtual_key("rotating");
    let hash = house.vault.hash_token(minted.token.expose()).unwrap();
    house.commit(Change::PutVirtualKey(record.rotated(hash, BEGIN, Duration::from_mins(1))));
    house.publish();
    let status = |key: &str| house.client_with(key).post("/v1/chat/completions", CHAT).status;
    house.clock.advance(Duration::from_secs(59));
    assert_eq!((status(&old), status(&new)), (200, 200));
    house.clock.advance(Duration::from_secs(2));
    assert_eq!((status(&old), status(&new)), (401, 200));
}

#[test]
fn inactive_keys_and_foreign_addresses() {
    let house = House::open();
    let revoked = house.add_key_with("revoked", |key| key.status = KeyStatus::Revoked);
    let expired = house.add_key_with("expired", |key| key.expires_at = Some(BEGIN));
    let early = house.add_key_with("early", |key| key.not_before = Some(BEGIN.plus(Duration::from_secs(1))));
    let elsewhere = house.add_key_with("elsewhere", |key| key.grant.addresses = vec!["10.0.0.0/8".parse().unwrap()]);
    for key in [&revoked, &expired, &early] {
        assert_eq!(code(&house.client_with(key).post("/v1/chat/completions", CHAT)), (401, "key_inactive".into()));
    }
    let answer = house.client_with(&elsewhere).post("/v1/chat/completions", CHAT);
    assert_eq!(code(&answer), (403, "address_not_allowed".into()));
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.client_with(&early).post("/v1/chat/completions", CHAT).status, 200);
}

#[test]
fn a_change_is_live_when_it_is_published() {
    let house = House::open();
    let key = house.add_key("soon-gone", Grant::default());
    let mut client = house.client_with(&key);
    assert_eq!(client.post("/v1/chat/completions", CHAT).status, 200);
    let mut record = house.virtual_key("soon-gone");
    record.status = KeyStatus::Revoked;
    record.revision += 1;
    house.commit(Change::PutVirtualKey(record));
    house.publish();
    assert_eq!(client.post("/v1/chat/completions", CHAT).status, 401, "on a connection that was open before, too");
}

#[test]
fn a_locked_vault_says_so() {
    let house = House::open();
    house.vault.lock();
    house.publish();
    assert_eq!(code(&house.client().post("/v1/chat/completions", CHAT)), (503, "vault_locked".into()));
    assert_eq!(house.client().get("/readyz").status, 503);
    assert_eq!(house.client().get("/healthz").status, 200);
}

#[test]
fn refusals_are_spelled_in_the_callers_dialect() {
    let house = House::open();
    let anthropic = house.client().headers(&[("anthropic-version", "2023-06-01")]).post("/v1/messages", "{}");
    assert_eq!(anthropic.json()["type"], "error");
    assert_eq!(anthropic.json()["error"]["type"], "authentication_error");
    let gemini = house.client().headers(&[]).post("/v1beta/models/gemini-2.5-flash:generateContent", "{}");
    assert_eq!(gemini.json()["error"]["status"], "UNAUTHENTICATED");
    let openai = house.client().headers(&[]).post("/v1/chat/completions", "{}");
    assert_eq!(openai.json()["error"]["code"], "missing_credential");
    for answer in [anthropic, gemini, openai] {
        assert!(answer.text().contains("gateway") && answer.text().contains("req_"), "{}", answer.text());
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}
