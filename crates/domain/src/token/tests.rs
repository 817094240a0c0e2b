use super::*;

fn ascending<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|i| from + u8::try_from(i).unwrap())
}

#[test]
fn published_vectors() {
    let zero = MintedToken::from_parts(Environment::Live, TokenId::from_bits(0), &[0; 32]);
    assert_eq!(zero.token.expose(), format!("kw_live_{}_{}3XDVUV", "0".repeat(12), "0".repeat(43)).as_bytes());
    let id = TokenId::from_bits(u64::from_be_bytes(ascending(1)));
    let some = MintedToken::from_parts(Environment::Live, id, &ascending(0));
    assert_eq!(
        some.token.expose(),
        concat!("kw_live_005McJmDgrvc_", "003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2CAQDJ").as_bytes()
    );
    assert_eq!(PresentedToken::parse(some.token.expose()).unwrap().id, id);
}

#[test]
fn every_environment_makes_a_token_that_parses_back() {
    for environment in [Environment::Live, Environment::Test, Environment::Adm, Environment::Boot] {
        let minted = MintedToken::from_parts(environment, TokenId::from_bits(u64::MAX), &[255; 32]);
        assert_eq!(minted.token.len(), environment.as_str().len() + TOKEN_LEN - 4);
        let parsed = PresentedToken::parse(minted.token.expose()).unwrap();
        assert_eq!((parsed.environment, parsed.id), (environment, minted.id));
    }
}

#[test]
fn every_single_character_substitution_is_rejected() {
    let minted = MintedToken::from_parts(Environment::Live, TokenId::from_bits(77), &ascending(9));
    let good = minted.token.expose().to_vec();
    for at in 0..good.len() {
        for letter in ALPHABET.iter().filter(|letter| **letter != good[at]) {
            let mut bad = good.clone();
            bad[at] = *letter;
            assert!(PresentedToken::parse(&bad).is_err(), "position {at}, letter {letter}");
        }
    }
}

#[test]
fn bad_forms_say_which() {
    assert_eq!(PresentedToken::parse(b"").unwrap_err(), TokenError::Form);
    assert_eq!(PresentedToken::parse(b"kw_live_ 1").unwrap_err(), TokenError::Whitespace);
    assert_eq!(PresentedToken::parse(&[b'x'; 70]).unwrap_err(), TokenError::Form);
    assert_eq!(PresentedToken::parse(&vec![b'k'; 1 << 20]).unwrap_err(), TokenError::Form);
}
