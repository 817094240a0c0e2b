use super::{Ancestry, GrantChain};
use crate::dialect::Operation::{self, Chat, Embed, Lease};
use crate::ids::{TeamId, TenantId, UserId};
use crate::port::Records;
use crate::tenancy::{Team, Tenant, User};
use crate::time::Timestamp;
use crate::token::{Environment, TokenId};
use crate::virtual_key::{Claims, DisconnectPolicy, Grant, KeyStatus, VirtualKey};

const ACME: TenantId = TenantId::from_bits(1);
const TEAM: TeamId = TeamId::from_bits(2);
const USER: UserId = UserId::from_bits(3);

fn models(patterns: &[&str]) -> Grant {
    Grant { models: patterns.iter().map(|text| (*text).to_owned()).collect(), ..Grant::default() }
}

fn records(tenant: Grant, team: Grant, user: Grant) -> Records {
    let (created_at, revision, enabled) = (Timestamp::from_unix_millis(0), 1, true);
    let name = |text: &str| text.to_owned();
    Records {
        tenants: vec![Tenant { id: ACME, name: name("acme"), enabled, grant: tenant, created_at, revision }],
        teams: vec![Team { id: TEAM, tenant: ACME, name: name("search"), enabled, grant: team, created_at, revision }],
        users: vec![User {
            id: USER,
            tenant: ACME,
            team: Some(TEAM),
            name: name("ann"),
            enabled,
            grant: user,
            created_at,
            revision,
        }],
        ..Records::default()
    }
}

fn key(tenant: TenantId, team: Option<TeamId>, user: Option<UserId>) -> VirtualKey {
    VirtualKey {
        id: TokenId::from_bits(4),
        tenant,
        name: "app".to_owned(),
        environment: Environment::Live,
        status: KeyStatus::Active,
        tokens: Vec::new(),
        grant: Grant::default(),
        on_disconnect: DisconnectPolicy::Abort,
        tags: Vec::new(),
        team,
        user,
        claims: Claims::default(),
        created_at: Timestamp::from_unix_millis(0),
        not_before: None,
        expires_at: None,
        revision: 1,
    }
}

#[test]
fn v03_every_level_is_asked_and_the_team_of_the_user_counts() {
    let records = records(models(&["a*", "b*"]), models(&["ab*", "b*"]), models(&["abc", "a"]));
    let ancestry = Ancestry::of(&records);
    let key = key(ACME, None, Some(USER));
    assert_eq!(ancestry.team_of(&key), Some(TEAM));
    let chain = ancestry.chain(&key);
    assert!(chain.is_enabled());
    for (model, allowed) in [("abc", true), ("a", false), ("abd", false), ("b", false), ("c", false)] {
        assert_eq!(chain.allows_model(&[model]), allowed, "{model}");
    }
}

#[test]
fn a_chain_without_restrictions_is_empty_and_leaves_leases_to_the_key() {
    let records = records(Grant::default(), Grant::default(), Grant::default());
    let chain = Ancestry::of(&records).chain(&key(ACME, Some(TEAM), Some(USER)));
    assert_eq!(chain, GrantChain::default());
    assert!(chain.allows_operation(Lease) && chain.allows_model(&["x"]));
    let chain = Ancestry::of(&Records::default()).chain(&key(TenantId::DEFAULT, None, None));
    assert_eq!(chain, GrantChain::default(), "the default tenant needs no record");
}

#[test]
fn a_level_that_is_missing_off_or_of_another_tenant_accepts_no_key() {
    let open = || records(Grant::default(), Grant::default(), Grant::default());
    let full = key(ACME, Some(TEAM), Some(USER));
    let accepts = |records: &Records, key: &VirtualKey| Ancestry::of(records).chain(key).is_enabled();
    assert!(accepts(&open(), &full));
    let spoil: [fn(&mut Records); 8] = [
        |records| records.tenants.clear(),
        |records| records.teams.clear(),
        |records| records.users.clear(),
        |records| records.tenants.iter_mut().for_each(|tenant| tenant.enabled = false),
        |records| records.teams.iter_mut().for_each(|team| team.enabled = false),
        |records| records.users.iter_mut().for_each(|user| user.enabled = false),
        |records| records.teams.iter_mut().for_each(|team| team.tenant = TenantId::DEFAULT),
        |records| records.users.iter_mut().for_each(|user| user.tenant = TenantId::DEFAULT),
    ];
    for (index, spoil) in spoil.into_iter().enumerate() {
        let mut records = open();
        spoil(&mut records);
        assert!(!accepts(&records, &full), "{index}");
    }
}

#[test]
fn v03_a_grant_is_within_its_parent_or_says_which_field_is_not() {
    let operations = |list: &[Operation]| Grant { operations: list.to_vec(), ..Grant::default() };
    let addresses = |list: &[&str]| Grant {
        addresses: list.iter().map(|text| text.parse().unwrap()).collect(),
        ..Grant::default()
    };
    let cells = [
        (models(&[]), models(&["a*"]), Ok(())),
        (models(&["a*"]), models(&[]), Ok(())),
        (models(&["ab", "ac*"]), models(&["a*"]), Ok(())),
        (models(&["a*"]), models(&["a*"]), Ok(())),
        (models(&["a"]), models(&["a"]), Ok(())),
        (models(&["*"]), models(&["a*"]), Err("models")),
        (models(&["a*"]), models(&["a"]), Err("models")),
        (models(&["a*"]), models(&["ab*"]), Err("models")),
        (models(&["ab", "b"]), models(&["a*"]), Err("models")),
        (operations(&[]), operations(&[Chat]), Ok(())),
        (operations(&[Chat]), operations(&[Chat, Embed]), Ok(())),
        (operations(&[Lease]), operations(&[]), Ok(())),
        (operations(&[Chat, Embed]), operations(&[Chat]), Err("operations")),
        (operations(&[Lease]), operations(&[Chat]), Err("operations")),
        (addresses(&[]), addresses(&["10.0.0.0/8"]), Ok(())),
        (addresses(&["10.1.0.0/16", "10.2.3.4/32"]), addresses(&["10.0.0.0/8"]), Ok(())),
        (addresses(&["10.0.0.0/7"]), addresses(&["10.0.0.0/8"]), Err("addresses")),
        (addresses(&["::/0"]), addresses(&["0.0.0.0/0"]), Err("addresses")),
    ];
    for (child, parent, expected) in cells {
        assert_eq!(child.is_within(&parent), expected, "{child:?} within {parent:?}");
    }
}
