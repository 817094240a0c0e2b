//! The sums that are kept, compared with the rows that they are made of.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::{CredentialId, TeamId, TenantId, UserId};
use keyward_domain::ledger::{AttemptOutcome, Attributed, Correction, Entry, ReconcileQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Store;
use keyward_domain::time::Timestamp;

use crate::support::record::audit;
use crate::support::row::{entry, odd, request};
use crate::support::{Random, START};

fn any(n: u32, random: &mut Random) -> Entry {
    let mut row = if random.below(8) == 0 { odd(n) } else { entry(n) };
    row.usage.input_characters = 0;
    row.subject.at = START.plus(Duration::from_secs(random.below(7_200)));
    row.subject.tenant = TenantId::from_bits(random.below(2).into());
    row.subject.credential = CredentialId::from_bits(random.below(3).into());
    row.subject.model = ["a", "b/c"][usize::try_from(random.below(2)).unwrap()].into();
    row.outcome = AttemptOutcome::ALL[usize::try_from(random.below(6)).unwrap()];
    let tags = (0..random.below(3)).map(|tag| Arc::from(format!("tag {tag}"))).collect();
    let attributed = Attributed {
        team: (random.below(2) == 0).then(|| TeamId::from_bits(random.below(2).into())),
        user: (random.below(2) == 0).then(|| UserId::from_bits(random.below(2).into())),
        end_user: (random.below(2) == 0).then(|| Arc::from(format!("c/{}", random.below(3)))),
        tags,
    };
    row.subject.attributed = (!attributed.is_empty()).then(|| Arc::new(attributed));
    row
}

pub fn sums_agree_with_their_rows_whatever_happened(store: &dyn Store) {
    for seed in 1..=4 {
        println!("seed {seed}");
        let mut random = Random::seeded(seed);
        let rows: Vec<Entry> = (0..150).map(|n| any(n + 1_000 * u32::try_from(seed).unwrap(), &mut random)).collect();
        for batch in rows.chunks(7) {
            store.append(batch, &[]).unwrap();
            // Some come again.
            store.append(&batch[..usize::try_from(random.below(3)).unwrap()], &[]).unwrap();
        }
        for (row, n) in rows.iter().zip(0_u32..).filter(|(_, n)| n % 11 == 0) {
            let (amount, prices) = (Nanodollars(i64::from(n) - 800), row.cost.is_none());
            let note = Correction { corrects: 1, made_at: START, reason: "x".to_owned(), repriced: prices, prices };
            let correction = row.corrected(128, amount, &"v".into(), &note);
            store.correct(&[correction], &audit(n.into())).unwrap();
        }
        for everything in [false, true] {
            for (since, until) in [
                (Timestamp::EPOCH, Timestamp::from_unix_millis(i64::MAX)),
                (START.plus(Duration::from_secs(1_000)), START.plus(Duration::from_secs(4_000))),
            ] {
                let found = store.reconcile(&ReconcileQuery { since, until, everything }).unwrap();
                assert_eq!((&found.drifts[..], found.more_drifts, found.drift()), (&[][..], 0, Nanodollars::ZERO));
                assert!(found.rows > 20, "{found:?}");
            }
        }
    }
    assert!(store.request(request(1_000)).unwrap().is_some());
}
