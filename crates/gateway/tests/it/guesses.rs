//! Whoever tries many keys is slowed down, and nobody else.

use std::time::Duration;

use keyward_domain::token::{Environment, MintedToken};

use crate::house::{CHAT, House, PATH, code};

#[test]
fn a11_ten_thousand_wrong_keys_from_one_address() {
    let house = House::with_keys(1);
    let stranger = MintedToken::mint(Environment::Live, &*house.entropy).unwrap();
    let stranger = String::from_utf8(stranger.token.expose().to_vec()).unwrap();
    let mut wrong_secret = house.client_with(&stranger);
    let mut malformed = house.client_with("guess");
    let mut good = house.client();
    let (mut told, mut slowed) = (0, 0);
    for guess in 0..10_000 {
        let client = if guess % 2 == 0 { &mut wrong_secret } else { &mut malformed };
        let answer = client.post(PATH, CHAT);
        match answer.status {
            401 => told += 1,
            429 => {
                slowed += 1;
                assert_eq!(code(&answer), "rate_limited");
                assert_eq!(answer.header("retry-after"), Some("2"));
            }
            status => panic!("{status}: {}", answer.text()),
        }
        if guess % 1_000 == 0 {
            assert_eq!(good.post(PATH, CHAT).status, 200, "a good key from the same address works");
        }
    }
    assert_eq!((told, slowed), (30, 9_970));
    assert_eq!(house.provider.requests_total(), 10);
    house.clock.advance(Duration::from_secs(2));
    assert_eq!(wrong_secret.post(PATH, CHAT).status, 401);
    assert_eq!(wrong_secret.post(PATH, CHAT).status, 429);
}

#[test]
fn who_has_no_key_or_one_that_ended_guesses_nothing() {
    let house = House::with_keys(1);
    let ended = house.add_key_with("ended", |key| key.status = keyward_domain::virtual_key::KeyStatus::Revoked);
    let (mut nothing, mut ended) = (house.client().headers(&[]), house.client_with(&ended));
    for _ in 0..50 {
        assert_eq!(code(&nothing.post(PATH, CHAT)), "missing_credential");
        assert_eq!(code(&ended.post(PATH, CHAT)), "key_inactive");
    }
}
