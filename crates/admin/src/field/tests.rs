use super::*;

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn names_are_short_plain_and_no_secrets() {
    for good in ["a", "production", "key-2", "0.x_y", &"a".repeat(64)] {
        assert!(read::<Name>(&format!("\"{good}\"")).is_ok(), "{good}");
    }
    let mixed = format!("{}{}", "abc123".repeat(4), "x");
    for bad in ["", "-a", "A", "a b", "ä", "a/b", "a\\n", &"a".repeat(65), &format!("sk-{}", "test"), &mixed] {
        assert!(read::<Name>(&format!("\"{bad}\"")).is_err(), "{bad}");
    }
    let error = read::<Name>(&format!("\"{mixed}\"")).unwrap_err();
    assert!(!error.contains(&mixed), "the value is not repeated: {error}");
}

#[test]
fn moments_are_utc_and_ranges_count_back() {
    let now = keyward_domain::time::Timestamp::from_unix_millis(1_000_000_000_000);
    let date: Moment = read("\"2026-11-20\"").unwrap();
    assert_eq!(date.to_string(), "2026-11-20T00:00:00Z");
    let zoned: Moment = read("\"2026-11-20T09:00:00+09:00\"").unwrap();
    assert_eq!(zoned, date);
    assert_eq!(read::<Since>("\"2d\"").unwrap().resolve(now).unix_millis(), 1_000_000_000_000 - 2 * 86_400_000);
    assert_eq!(read::<Since>("\"2026-11-20\"").unwrap().resolve(now), date.0);
    for bad in ["", "d", "-1d", "0d", "1y", "1.5h", "ä", "99999999999999999999d", "yesterday"] {
        assert!(read::<Since>(&format!("\"{bad}\"")).is_err(), "{bad}");
    }
}

#[test]
fn limits_are_counted_in_numbers_and_in_query_texts() {
    assert_eq!(read::<Limit>("7").unwrap().get(), 7);
    assert_eq!(read::<Limit>("\"500\"").unwrap().get(), 500);
    for bad in ["0", "-1", "501", "1e9", "\"x\"", "\"\"", "null"] {
        assert!(read::<Limit>(bad).is_err(), "{bad}");
    }
}

#[test]
fn patterns_have_their_star_at_the_end() {
    for good in ["*", "gpt-4o*", "openai/*", "models/x:y"] {
        assert!(read::<ModelPattern>(&format!("\"{good}\"")).is_ok(), "{good}");
    }
    for bad in ["", "*x", "a*b", "a**", "a b"] {
        assert!(read::<ModelPattern>(&format!("\"{bad}\"")).is_err(), "{bad}");
    }
}

#[test]
fn secrets_come_in_trimmed_and_never_come_out() {
    let secret: SecretText = read("\"  abc\\n\"").unwrap();
    assert_eq!(format!("{secret:?}"), "SecretText(..)");
    assert_eq!(secret.into_secret().expose(), b"abc");
    assert!(read::<SecretText>("\" \"").is_err());
    assert!(read::<SecretText>(&format!("\"{}\"", "x".repeat(8193))).is_err());
}

#[test]
fn a_page_says_where_the_next_begins() {
    let page = page_of(vec![1, 2, 3], read("2").unwrap(), ToString::to_string);
    assert_eq!((page.items, page.next_cursor.as_deref()), (vec![1, 2], Some("2")));
    let last = page_of(vec![1, 2], read("2").unwrap(), ToString::to_string);
    assert_eq!(last.next_cursor, None);
}

#[test]
fn prices_are_exact() {
    assert_eq!(read::<DollarsPerMillion>("\"2.50\"").unwrap().0, 2_500_000);
    assert_eq!(read::<DollarsPerMillion>("\"0.000001\"").unwrap().0, 1);
    assert_eq!(read::<DollarsPerMillion>("\"0\"").unwrap().0, 0);
    assert_eq!(read::<Dollars>("\"0.04\"").unwrap().0, 40_000_000_000);
    for bad in ["\"\"", "\".5\"", "\"-1\"", "\"1e3\"", "\"0.0000001\"", "2.5", "\"1,5\"", "\"99999999\""] {
        assert!(read::<DollarsPerMillion>(bad).is_err(), "{bad}");
    }
}

#[test]
fn usage_is_grouped_by_known_words_once_each() {
    use keyward_domain::ledger::Dimension;
    assert_eq!(read::<GroupBy>("\"day, model\"").unwrap().0, [Dimension::Day, Dimension::Model]);
    assert!(read::<GroupBy>("\"\"").unwrap().0.is_empty());
    assert!(read::<GroupBy>("\"day,day\"").is_err());
    assert!(read::<GroupBy>("\"year\"").is_err());
}

#[test]
fn dates_begin_at_the_midnight_of_the_zone_asked_for() {
    use keyward_domain::time::Timestamp;
    let zone = |name: &str| read::<ZoneName>(&format!("\"{name}\""));
    let since: Since = read("\"2026-11-20\"").unwrap();
    let utc = since.resolve(Timestamp::EPOCH);
    assert_eq!(utc.unix_millis(), 1_795_132_800_000);
    let seoul = since.resolve_in(Timestamp::EPOCH, &zone("Asia/Seoul").unwrap().0);
    assert_eq!(utc.since(seoul), std::time::Duration::from_hours(9));
    let at: Since = read("\"2026-11-20T00:00:00Z\"").unwrap();
    assert_eq!(at.resolve_in(Timestamp::EPOCH, &zone("Asia/Seoul").unwrap().0), utc, "a moment is a moment");
    for bad in ["Mars/Olympus", "", "+09:00", "x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x"] {
        let error = zone(bad).unwrap_err();
        assert!(error.contains("Europe/Berlin") && !error.contains("Mars"), "{error}");
    }
}

#[test]
fn amounts_may_be_negative_and_are_never_zero() {
    assert_eq!(read::<Adjustment>("\"-0.05\"").unwrap().0.0, -50_000_000);
    assert_eq!(read::<Adjustment>("\"12.000000001\"").unwrap().0.0, 12_000_000_001);
    for bad in ["\"0\"", "\"-0.00\"", "\"--1\"", "\"+1\"", "\"-\"", "\"\"", "\"0.0000000001\"", "-1", "\"99999999\""] {
        assert!(read::<Adjustment>(bad).is_err(), "{bad}");
    }
}

#[test]
fn reasons_are_one_line_without_secrets() {
    assert_eq!(read::<Reason>("\" refunded, ticket 4711 \"").unwrap().0, "refunded, ticket 4711");
    let secret = format!("\"it was sk-{}\"", "abc123XYZ".repeat(4));
    for bad in ["\"\"", "\" \"", "\"a\\nb\"", "7", &secret, &format!("\"{}\"", "x ".repeat(129))] {
        let error = read::<Reason>(bad).unwrap_err();
        assert!(!error.contains("abc123"), "{error}");
    }
}
