//! Configuration records.

use keyward_domain::alias::Alias;
use keyward_domain::audit::AuditDraft;
use keyward_domain::credential::{Credential, CredentialState, Finding, Proof};
use keyward_domain::dialect::Operation;
use keyward_domain::ids::{AdminTokenId, AuditId, CredentialId, ProviderId, TenantId};
use keyward_domain::port::{PriceOverride, VaultRecord};
use keyward_domain::principal::{AdminToken, Principal, Realm, Role};
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_domain::routing::{Concurrency, KeyTerms, Strategy};
use keyward_domain::token::{Environment, TokenId};
use keyward_domain::virtual_key::{Claims, DisconnectPolicy, Grant, KeyStatus, TokenHash, VirtualKey};

use super::START;

pub fn provider(n: u128, name: &str) -> Provider {
    Provider {
        id: ProviderId::from_bits(n),
        tenant: TenantId::DEFAULT,
        name: name.to_owned(),
        kind: ProviderKind::OpenAi,
        base_url: "https://api.openai.com/v1".parse().unwrap(),
        enabled: true,
        free: false,
        strategy: Strategy::default(),
        concurrency: Concurrency::default(),
        rules: Vec::new(),
        catalog: Some("openai".to_owned()),
        created_at: START,
        revision: 1,
    }
}

pub fn credential(n: u128, provider: u128, name: &str) -> Credential {
    Credential {
        id: CredentialId::from_bits(n),
        tenant: TenantId::DEFAULT,
        provider: ProviderId::from_bits(provider),
        name: name.to_owned(),
        state: CredentialState::Active,
        hint: "sk-...wxyz".to_owned(),
        envelope: vec![0, 1, 2, 255],
        seal_version: 3,
        sealed_for: "https://api.openai.com/v1".parse().unwrap(),
        blind_index: vec![9; 32],
        models: vec!["gpt-4o".to_owned()],
        terms: KeyTerms::default(),
        proof: Some(Proof { at: START, finding: Finding::Valid, detail: "it answered".to_owned() }),
        created_at: START,
        revision: 1,
    }
}

pub fn virtual_key(n: u64, name: &str) -> VirtualKey {
    VirtualKey {
        id: TokenId::from_bits(n),
        tenant: TenantId::DEFAULT,
        name: name.to_owned(),
        environment: Environment::Live,
        status: KeyStatus::Active,
        tokens: vec![hash(1)],
        grant: Grant {
            models: vec!["gpt-4o*".to_owned()],
            operations: vec![Operation::Chat],
            addresses: vec!["10.0.0.0/8".parse().unwrap()],
        },
        on_disconnect: DisconnectPolicy::Drain,
        tags: vec!["team-a".to_owned()],
        team: None,
        user: None,
        claims: Claims::default(),
        created_at: START,
        not_before: None,
        expires_at: Some(START),
        revision: 1,
    }
}

pub fn admin_token(n: u128, token: u64, name: &str) -> AdminToken {
    AdminToken {
        id: AdminTokenId::from_bits(n),
        token_id: TokenId::from_bits(token),
        tenant: TenantId::DEFAULT,
        name: name.to_owned(),
        role: Role::Operator,
        realm: Realm::Installation,
        status: KeyStatus::Active,
        hash: hash(2),
        created_at: START,
        expires_at: None,
        revision: 1,
    }
}

pub fn alias(name: &str) -> Alias {
    Alias::listed(TenantId::DEFAULT, name, vec!["openai/gpt-4o-mini".to_owned()])
}

pub fn price(model: &str) -> PriceOverride {
    PriceOverride {
        tenant: TenantId::DEFAULT,
        provider: "openai".to_owned(),
        model: model.to_owned(),
        entry: serde_json::json!({"free": true}),
        revision: 1,
    }
}

pub fn vault(kind: &str, id: &str) -> VaultRecord {
    VaultRecord { kind: kind.to_owned(), id: id.to_owned(), body: vec![1, 2, 3] }
}

pub fn audit(n: u128) -> AuditDraft {
    AuditDraft::done(AuditId::from_bits(n), START, &Principal::LocalOwner, "key.add", &"pk_1").with_detail("by hand")
}

fn hash(byte: u8) -> TokenHash {
    TokenHash { pepper: 1, mac: [byte; 32], expires_at: None }
}
