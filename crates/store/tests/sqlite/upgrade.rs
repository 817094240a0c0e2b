//! Databases of every released schema, with data as that version wrote it, come up with everything that was in them.

use keyward_domain::alias::TargetOrder;
use keyward_domain::audit::Outcome;
use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::ids::InstallId;
use keyward_domain::ledger::{Dimension, SpendQuery, UsageQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Change, LedgerTotals, Store};
use keyward_domain::routing::{KeyLimits, KeyTerms, Strategy};
use keyward_domain::standing::{KeyEventFilter, Standing};
use keyward_domain::window::Zone;
use keyward_store::sqlite::MIGRATIONS;

use super::{backups, database_of, open};
use crate::support::pool::{binding, event, lease};
use crate::support::record::{admin_token, alias, audit, credential, price, provider, vault, virtual_key};
use crate::support::row::{COST, entry, refusal, request, subject};
use crate::support::{Home, START};

/// How many steps the schema had when there were configuration and ledger, and pools did not remember anything.
const BEFORE_POOLS: usize = 2;

/// Records as they were written before keys had terms, providers a strategy and aliases an order.
const CONFIGURATION: &str = r#"
UPDATE state SET revision = 6, install = 'inst_00000000000000000000000007';
INSERT INTO vault VALUES ('keyslot', '1', x'010203');
INSERT INTO provider VALUES ('prv_00000000000000000000000001', 'ten_00000000000000000000000000', 'openai', 1,
 '{"id":"prv_00000000000000000000000001","tenant":"ten_00000000000000000000000000","name":"openai","kind":"open_ai",
   "base_url":"https://api.openai.com/v1","enabled":true,"free":false,"catalog":"openai","created_at":1795168800000,
   "revision":1}');
INSERT INTO credential VALUES ('pk_00000000000000000000000002', 'prv_00000000000000000000000001', 'primary', 1,
 '{"id":"pk_00000000000000000000000002","tenant":"ten_00000000000000000000000000",
   "provider":"prv_00000000000000000000000001","name":"primary","state":"active","hint":"sk-...wxyz",
   "envelope":"000102ff","seal_version":3,"sealed_for":"https://api.openai.com/v1",
   "blind_index":"0909090909090909090909090909090909090909090909090909090909090909","models":["gpt-4o"],
   "proof":{"at":1795168800000,"finding":"valid","detail":"it answered"},"created_at":1795168800000,"revision":1}');
INSERT INTO credential VALUES ('pk_00000000000000000000000003', 'prv_00000000000000000000000001', 'dead', 2,
 '{"id":"pk_00000000000000000000000003","tenant":"ten_00000000000000000000000000",
   "provider":"prv_00000000000000000000000001","name":"dead","state":"suspect","hint":"sk-...abcd","envelope":"",
   "seal_version":1,"sealed_for":"https://api.openai.com/v1","blind_index":"","models":[],"proof":null,
   "created_at":1795168800000,"revision":2}');
INSERT INTO virtual_key VALUES ('000000000003', 'ten_00000000000000000000000000', 'app', 1,
 '{"id":"000000000003","tenant":"ten_00000000000000000000000000","name":"app","environment":"live","status":"active",
   "tokens":[{"pepper":1,"mac":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"expires_at":null}],
   "grant":{"models":["gpt-4o*"],"operations":["chat"],"addresses":["10.0.0.0/8"]},"on_disconnect":"drain",
   "tags":["team-a"],"created_at":1795168800000,"not_before":null,"expires_at":1795168800000,"revision":1}');
INSERT INTO admin_token VALUES ('adm_00000000000000000000000004', '000000000005', 1,
 '{"id":"adm_00000000000000000000000004","token_id":"000000000005","tenant":"ten_00000000000000000000000000","name":"ci",
   "role":"operator","status":"active","hash":{"pepper":1,"mac":[2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,
   2,2,2],"expires_at":null},"created_at":1795168800000,"expires_at":null,"revision":1}');
INSERT INTO alias VALUES ('ten_00000000000000000000000000', 'fast', 1,
 '{"tenant":"ten_00000000000000000000000000","name":"fast","targets":["openai/gpt-4o-mini"],"revision":1}');
INSERT INTO price VALUES ('ten_00000000000000000000000000', 'openai', 'gpt-4o', 1,
 '{"tenant":"ten_00000000000000000000000000","provider":"openai","model":"gpt-4o","entry":{"free":true},"revision":1}');
INSERT INTO audit VALUES (1, 'aud_00000000000000000000000001', 1795168800000, 'local-owner',
 'ten_00000000000000000000000000', 'key.add', 'pk_1', 'done', 'by hand');
"#;

/// The first request of the tests, and a refused one, as the ledger kept them.
const LEDGER: &str = r#"
INSERT INTO name VALUES (1, 'ten_00000000000000000000000000'), (2, 'prv_0000000000000000000000000b'), (3, 'openai'),
 (4, 'pk_0000000000000000000000000c'), (5, 'primary'), (6, 'fast'), (7, 'gpt-4o-mini'), (8, '2026-11-01');
INSERT INTO entry VALUES (?1, 1, 1795168801000, 1, -2, 2, 3, 4, 5, 6, 7, 1, 1, 1, 5000, 8, 1, 200, 1, 1234, 1500250,
 300125, 55, 100, 20, 0, 0, 0, 0, 30, 4, 0, 0, 0, 0, 0, 0, '{"prompt_tokens":120,"completion_tokens":34}');
INSERT INTO refusal VALUES (?2, 1795168803000, 1, -2, 'gpt-9', 2, NULL, 'model_not_found', 404);
INSERT INTO rollup VALUES (498658, 1, -2, 3, 4, 7, 1, 1, 1, 0, 0, 0, 0, 1234, 100, 20, 0, 0, 0, 0, 30, 4, 0, 0, 0, 0, 0,
 0);
UPDATE ledger_total SET entries = 1, cost_nanodollars = 1234;
"#;

fn database_before_pools(home: &Home) {
    let old = database_of(home, &MIGRATIONS[..BEFORE_POOLS]);
    old.execute_batch(CONFIGURATION).unwrap();
    let blob = |n| format!("x'{:032x}'", request(n).bits());
    old.execute_batch(&LEDGER.replace("?1", &blob(1)).replace("?2", &blob(3))).unwrap();
}

/// The key that was refused before there were standings.
fn dead() -> Credential {
    Credential {
        state: CredentialState::Suspect,
        hint: "sk-...abcd".to_owned(),
        envelope: vec![],
        seal_version: 1,
        blind_index: vec![],
        models: vec![],
        proof: None,
        revision: 2,
        ..credential(3, 1, "dead")
    }
}

#[test]
fn o04_records_without_the_newer_fields_load_with_their_defaults() {
    let home = Home::new();
    database_before_pools(&home);
    let records = open(&home.database()).unwrap().load().unwrap();
    assert_eq!((records.revision, records.install), (6, Some(InstallId::from_bits(7))));
    assert_eq!(records.vault, [vault("keyslot", "1")]);
    assert_eq!(records.providers, [provider(1, "openai")]);
    assert_eq!(records.credentials, [credential(2, 1, "primary"), dead()]);
    assert_eq!(records.virtual_keys, [virtual_key(3, "app")]);
    assert_eq!(records.admin_tokens, [admin_token(4, 5, "ci")]);
    assert_eq!(records.aliases, [alias("fast")]);
    assert_eq!(records.prices, [price("gpt-4o")]);
    // What the fixtures of the tests happen to say is also what is promised.
    assert_eq!(records.providers[0].strategy, Strategy::Adaptive);
    let KeyTerms { quota_group, weight, tier, models, tags, limits, expires_at } = records.credentials[0].terms.clone();
    assert_eq!((quota_group, weight, tier, expires_at), (None, 1, 0, None));
    assert!(models.is_empty() && tags.is_empty() && limits == KeyLimits::default());
    let alias = &records.aliases[0];
    assert_eq!((alias.order, alias.weights.len(), alias.fallback.len()), (TargetOrder::Listed, 0, 0));
}

#[test]
fn o04_an_upgrade_keeps_the_ledger_and_the_audit_log() {
    let home = Home::new();
    database_before_pools(&home);
    let store = open(&home.database()).unwrap();
    assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [entry(1)]);
    assert_eq!(store.request(request(3)).unwrap().unwrap().refusal, Some(refusal(3)));
    let one = LedgerTotals { entries: 1, cost: COST, unpriced: 0, unsettled: 0 };
    assert_eq!(store.ledger_totals().unwrap(), one);
    let log = store.audit(None, 10).unwrap();
    assert_eq!((log.len(), log[0].seq, log[0].outcome), (1, 1, Outcome::Done));
    assert_eq!(log[0].detail, "by hand");
    // The row is known, and new ones are summed with what was there.
    store.append(&[entry(1), entry(2)], &[]).unwrap();
    let until = START.plus(std::time::Duration::from_hours(1));
    let by_key = UsageQuery { since: START, until, group_by: vec![Dimension::Credential], zone: Zone::default() };
    let usage = store.usage(&by_key).unwrap();
    assert_eq!((usage.len(), usage[0].attempts, usage[0].cost), (1, 2, Nanodollars(2 * COST.0)));
    // So are the scopes that rows touched before there were scopes.
    for scope in subject(1).scopes() {
        let query = SpendQuery { kind: scope.kind(), scope: Some(scope.clone()), since: START, until };
        let spent = store.spend(&query).unwrap();
        assert_eq!((spent.len(), spent[0].attempts, spent[0].cost), (1, 2, Nanodollars(2 * COST.0)), "{scope}");
        assert_eq!((spent[0].input_tokens, spent[0].output_tokens), (240, 68));
    }
    let spend = store.credential_spend(START).unwrap();
    assert_eq!((spend[0].credential, spend[0].requests), (subject(1).credential, 2));
}

#[test]
fn o04_an_upgraded_database_remembers_what_pools_learn() {
    let home = Home::new();
    database_before_pools(&home);
    let store = open(&home.database()).unwrap();
    assert_eq!((store.standings().unwrap(), store.bindings(10).unwrap()), (vec![], vec![]));
    assert_eq!(store.open_leases().unwrap(), []);
    let learned = event(1, 2, Some("gpt-4o"), Standing::Suspect);
    store.put_standings(std::slice::from_ref(&learned)).unwrap();
    store.put_bindings(&[binding(1, 2, 1)]).unwrap();
    store.put_lease(&lease(1), Some(&audit(2))).unwrap();
    let terms = KeyTerms { quota_group: Some("acme".to_owned()), ..KeyTerms::default() };
    let changed = || Credential { terms: terms.clone(), revision: 2, ..credential(2, 1, "primary") };
    store.commit(&[Change::PutCredential(changed())], &audit(3)).unwrap();
    drop(store);

    let store = open(&home.database()).unwrap();
    assert_eq!(store.standings().unwrap(), std::slice::from_ref(&learned.now));
    let all = KeyEventFilter { limit: 10, ..KeyEventFilter::default() };
    assert_eq!(store.key_events(&all).unwrap(), [(1, learned)]);
    assert_eq!(store.bindings(10).unwrap(), [binding(1, 2, 1)]);
    assert_eq!(store.open_leases().unwrap(), [lease(1)]);
    assert_eq!(store.load().unwrap().credentials, [changed(), dead()]);
    assert_eq!(store.audit(None, 10).unwrap().len(), 3);
}

#[test]
fn o04_the_copy_from_before_an_upgrade_is_whole() {
    let home = Home::new();
    database_before_pools(&home);
    drop(open(&home.database()).unwrap());
    let copies = backups(&home);
    assert_eq!(copies.len(), MIGRATIONS.len() - BEFORE_POOLS);
    assert!(copies[0].to_string_lossy().contains(".before-0003-"), "{}", copies[0].display());
    // The copy in the database's place is upgraded as the database was.
    std::fs::rename(&copies[0], home.database()).unwrap();
    let store = open(&home.database()).unwrap();
    assert_eq!(store.load().unwrap().credentials.len(), 2);
    assert_eq!(store.request(request(1)).unwrap().unwrap().attempts, [entry(1)]);
}
