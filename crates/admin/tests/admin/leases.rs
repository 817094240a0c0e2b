//! Which leases are open, as an operator sees them.

use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::port::{Clock as _, Store as _};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use serde_json::{Value, json};

use crate::world::World;

fn lease(world: &World, number: u64, virtual_key: TokenId, model: Option<&str>) -> Lease {
    let at = Timestamp::from_unix_millis(world.clock.now().unix_millis() + i64::try_from(number).unwrap());
    Lease {
        id: RequestId::mint(at, world.control.entropy()).unwrap(),
        tenant: TenantId::DEFAULT,
        virtual_key,
        provider: ProviderId::mint(at, world.control.entropy()).unwrap(),
        provider_name: "openai".to_owned(),
        credential: CredentialId::mint(at, world.control.entropy()).unwrap(),
        credential_name: "primary".to_owned(),
        model: model.map(str::to_owned),
        taken_at: at,
        expires_at: Timestamp::from_unix_millis(at.unix_millis() + 300_000),
        reserved: None,
        state: LeaseState::Open,
        ended_at: None,
        outcome: String::new(),
        attributed: None,
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|lease| lease["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn open_leases_are_listed_page_by_page_and_those_that_ended_are_not() {
    let world = World::new();
    assert_eq!(world.get("/leases").await.expect(200).json, json!({ "items": [], "next_cursor": null }));
    world.post("/vkeys", json!({ "name": "batch" })).await.expect(201);
    let taker = world.records().virtual_keys[0].id;
    let leases: Vec<Lease> = (0..5).map(|number| lease(&world, number, taker, Some("gpt-4o-mini"))).collect();
    for lease in &leases {
        world.store.put_lease(lease, None).unwrap();
    }
    let ended = Lease {
        state: LeaseState::Returned,
        ended_at: Some(world.clock.now()),
        outcome: "given back unused".to_owned(),
        ..leases[1].clone()
    };
    world.store.put_lease(&ended, None).unwrap();
    let newest_first: Vec<String> = [4, 3, 2, 0].map(|number: usize| leases[number].id.to_string()).to_vec();

    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..2 {
        let page = world.get(&format!("/leases?limit=2{cursor}")).await.expect(200).json;
        seen.extend(ids(&page));
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or("none"));
    }
    assert_eq!((seen, cursor.as_str()), (newest_first, "&cursor=none"));
    world.get("/leases?cursor=nonsense").await.expect(400);

    let page = world.get("/leases?limit=1").await.expect(200).json;
    let newest = &leases[4];
    let expected = json!({
        "id": newest.id.to_string(), "state": "open",
        "virtual_key": taker.to_string(), "virtual_key_name": "batch",
        "provider": "openai", "key": "primary", "model": "gpt-4o-mini",
        "taken_at": "2026-11-20T00:00:00.004Z", "expires_at": "2026-11-20T00:05:00.004Z",
    });
    assert_eq!(page["items"][0], expected);
}

#[tokio::test]
async fn a_lease_for_any_model_of_a_virtual_key_that_is_gone_is_listed_too() {
    let world = World::new();
    let stranger = lease(&world, 0, TokenId::mint(world.control.entropy()).unwrap(), None);
    world.store.put_lease(&stranger, None).unwrap();
    let page = world.get("/leases").await.expect(200).json;
    assert_eq!(page["items"][0]["virtual_key"], json!(stranger.virtual_key.to_string()));
    assert_eq!((&page["items"][0]["virtual_key_name"], &page["items"][0]["model"]), (&Value::Null, &Value::Null));
}
