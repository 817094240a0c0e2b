//! An installation for one test: a store in memory, a clock that stands still, a vendor that knows some keys.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Request, StatusCode};
use keyward_admin::control::{Control, JournalPicture, Live, LivePicture, Ports};
use keyward_admin::operation::Operation;
use keyward_admin::operation::admin_token::CreateAdminToken;
use keyward_admin::rest::{Entry, Plane};
use keyward_domain::audit::AuditDraft;
use keyward_domain::catalog::Catalog;
use keyward_domain::hand_on;
use keyward_domain::ids::{AuditId, CredentialId, InstallId};
use keyward_domain::lease::Lease;
use keyward_domain::port::{
    Change, Clock, Egress, EgressAnswer, EgressError, EgressFuture, EgressRequest, Entropy, EntropyError, Records,
    Store, StoreError,
};
use keyward_domain::principal::Principal;
use keyward_domain::time::Timestamp;
use keyward_store::memory::MemoryStore;
use keyward_vault::{RootHolder, Vault, create_key_file};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::allowances::TestAllowances;
use crate::pools::TestPools;

/// 2026-11-20T00:00:00Z.
pub(crate) const START: i64 = 1_795_132_800_000;

pub(crate) struct World {
    pub(crate) control: Arc<Control>,
    pub(crate) plane: Arc<Plane>,
    pub(crate) store: Arc<TestStore>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) vendor: Arc<Vendor>,
    /// The store's revision at each call of `on_change`.
    pub(crate) published: Arc<Mutex<Vec<u64>>>,
    pub(crate) pools: Arc<TestPools>,
    pub(crate) allowances: Arc<TestAllowances>,
    pub(crate) home: tempfile::TempDir,
    knocks: AtomicU32,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.json.pointer("/error/code").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn str(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(None)
    }

    /// The same with another way out than the vendor's.
    pub(crate) fn over(egress: Option<Arc<dyn Egress>>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let key_file = home.path().join("root.key");
        let entropy = Arc::new(Counting::default());
        create_key_file(&key_file, entropy.as_ref()).unwrap();
        let clock = Arc::new(ManualClock(AtomicI64::new(START)));
        let install = InstallId::mint(clock.now(), entropy.as_ref()).unwrap();
        let holder = RootHolder::KeyFile(key_file.clone());
        let (vault, records) = Vault::found(install, &holder, entropy.as_ref(), clock.now()).unwrap();
        let vault = Arc::new(vault);
        let store = Arc::new(TestStore::default());
        let audit = AuditDraft::done(
            AuditId::mint(clock.now(), entropy.as_ref()).unwrap(),
            clock.now(),
            &Principal::System,
            "install.found",
            &install,
        );
        store.inner.found(install, &records, &audit).unwrap();
        let vendor = Arc::new(Vendor::default());
        let published = Arc::new(Mutex::new(Vec::new()));
        let pools = TestPools::new(&store, clock.clone());
        let allowances = TestAllowances::new(&store, clock.clone());
        let on_change = {
            let (store, published, pools) = (Arc::clone(&store), Arc::clone(&published), Arc::clone(&pools));
            let allowances = Arc::clone(&allowances);
            move || {
                let records = store.inner.load().unwrap();
                published.lock().unwrap().push(records.revision);
                pools.publish(&records);
                allowances.publish(&records);
            }
        };
        let control = Arc::new(Control::new(Ports {
            store: store.clone(),
            vault: vault.clone(),
            clock: clock.clone(),
            entropy,
            egress: egress.unwrap_or_else(|| vendor.clone()),
            catalog: Arc::new(catalog()),
            on_change: Arc::new(on_change),
            pools: pools.clone(),
            allowances: allowances.clone(),
            live: Arc::new(Running),
            key_file,
        }));
        let metrics = Arc::new(|| "keyward_up 1\n".to_owned());
        let plane = Arc::new(Plane::new(control.clone(), vec!["Keyward.Example".to_owned()], metrics));
        Self {
            control,
            plane,
            store,
            vault,
            clock,
            vendor,
            published,
            pools,
            allowances,
            home,
            knocks: AtomicU32::default(),
        }
    }

    /// A call at the local door, as the owner of the home.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let router = self.plane.router(Entry::Local);
        send(router, request(method, &format!("/api/v1{path}"), None, &body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, body).await
    }

    /// A call at the TCP door, each from another network.
    pub(crate) async fn knock(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let network = self.knocks.fetch_add(1, Ordering::SeqCst);
        self.knock_from(Ipv4Addr::from_bits(0x0A00_0000 + network).into(), request(method, path, token, body)).await
    }

    /// A call at the TCP door from this address.
    pub(crate) async fn knock_from(&self, peer: IpAddr, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 50_000)));
        send(self.plane.router(Entry::Tcp), request).await
    }

    /// A new admin token of this role, made by the owner of the home.
    pub(crate) async fn admin_token(&self, role: &str) -> String {
        let name = format!("{role}-{}", self.store.inner.load().unwrap().admin_tokens.len());
        let create: CreateAdminToken = serde_json::from_value(json!({ "name": name, "role": role })).unwrap();
        let issued = create.run(&self.control, &Principal::LocalOwner).await.unwrap();
        serde_json::to_value(issued).unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// A provider at the scripted vendor's address, and a key that it knows.
    pub(crate) async fn with_openai(&self) -> &Self {
        self.post("/providers", json!({ "preset": "openai" })).await.expect(201);
        self.post("/keys", json!({ "provider": "openai", "name": "primary", "secret": secret("good") }))
            .await
            .expect(201);
        self
    }

    /// The id of the provider key of this name.
    pub(crate) fn key(&self, name: &str) -> CredentialId {
        self.records().credentials.iter().find(|key| key.name == name).unwrap().id
    }

    pub(crate) fn audit_actions(&self) -> Vec<String> {
        let mut entries = self.store.inner.audit(None, 500).unwrap();
        entries.reverse();
        entries.into_iter().map(|entry| entry.action).collect()
    }

    pub(crate) fn records(&self) -> Records {
        self.store.inner.load().unwrap()
    }
}

/// A provider key whose middle says what the vendor thinks of it.
pub(crate) fn secret(kind: &str) -> String {
    format!("sk-{}-{kind}-{}", "proj", "0123456789abcdefWXYZ")
}

pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: &Value) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path)
        .header("host", "localhost:8701");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    // A stream of events has no end; its beginning is what a test looks at.
    let bytes = if parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
        body.into_data_stream().next().await.unwrap().unwrap()
    } else {
        axum::body::to_bytes(body, 1 << 24).await.unwrap()
    };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answer { status: parts.status, headers: parts.headers, text, json }
}

pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

/// Never the same bytes twice, and the same in every run.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in buffer.chunks_mut(8) {
            let mut mixed = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst).wrapping_add(1);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A vendor that speaks OpenAI's errors: what it says depends on the key it is shown.
#[derive(Default)]
pub(crate) struct Vendor {
    pub(crate) seen: Mutex<Vec<(String, String)>>,
    pub(crate) down: AtomicBool,
    /// Lists of models have a second page, and it never comes.
    pub(crate) loses_pages: AtomicBool,
    /// Models by key; `["gpt-4o", "gpt-4o-mini"]` where nothing else is said.
    pub(crate) models: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Vendor {
    /// How many calls were made.
    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Egress for Vendor {
    fn fetch(&self, request: EgressRequest) -> EgressFuture {
        let shown = request.credential.as_ref().map(|(_, value)| String::from_utf8(value.expose().to_vec()).unwrap());
        let shown = shown.unwrap_or_default();
        let place = format!("{} {}{}", request.method, request.origin, request.path);
        self.seen.lock().unwrap().push((place, shown.clone()));
        let is_lost = self.loses_pages.load(Ordering::SeqCst) && request.path.contains("after_id=");
        let answer = if is_lost || self.down.load(Ordering::SeqCst) {
            Err(EgressError::Connect(request.origin.to_string(), "connection refused".to_owned()))
        } else {
            Ok(self.answer(&request, &shown))
        };
        Box::pin(async move { answer })
    }
}

impl Vendor {
    fn answer(&self, request: &EgressRequest, shown: &str) -> EgressAnswer {
        let refusal = |status, kind: &str, code: &str| {
            (
                status,
                json!({ "error": { "message": "said with the key in it: ".to_owned() + shown, "type": kind, "code": code } }),
            )
        };
        let (status, body) = if shown.contains("-good") || shown.is_empty() {
            let listed = self.models.lock().unwrap().get(shown.trim_start_matches("Bearer ")).cloned();
            let listed = listed.unwrap_or_else(|| vec!["gpt-4o".to_owned(), "gpt-4o-mini".to_owned()]);
            let data: Vec<_> = listed.iter().map(|id| json!({ "id": id, "object": "model" })).collect();
            let more = self.loses_pages.load(Ordering::SeqCst);
            (200, json!({ "object": "list", "data": data, "has_more": more, "last_id": listed.last() }))
        } else if shown.contains("-poor") {
            refusal(429, "insufficient_quota", "insufficient_quota")
        } else if shown.contains("-barred") {
            refusal(403, "invalid_request_error", "missing_scope")
        } else if request.path.is_empty() {
            (404, Value::Null)
        } else {
            refusal(401, "invalid_request_error", "invalid_api_key")
        };
        EgressAnswer {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }
}

/// Knows the price of one model, and one that looks like a slip.
fn catalog() -> Catalog {
    let file = json!({ "schema": 1, "generated": "2026-11-20", "providers": { "openai": { "models": {
        "gpt-4o": { "kind": "chat", "ctx": 128_000, "price": { "std": { "in": 2_500_000, "out": 10_000_000, "cache_read": 1_250_000 } } },
        "slip": { "kind": "chat", "suspect": true, "price": { "std": { "in": 1 } } },
    } } } });
    Catalog::from_json(file.to_string().as_bytes()).unwrap()
}

struct Running;

impl Live for Running {
    fn picture(&self) -> LivePicture {
        LivePicture {
            serving: true,
            uptime: Duration::from_secs(61),
            in_flight: 3,
            draining: false,
            snapshot_revision: u64::MAX,
            journal: JournalPicture::default(),
            unknown_answers: BTreeMap::new(),
            warnings: vec!["The config file has an error in line 3.".to_owned()],
        }
    }
}

/// The memory store, with a switch for a disk that cannot be written.
#[derive(Default)]
pub(crate) struct TestStore {
    pub(crate) inner: MemoryStore,
    pub(crate) broken: AtomicBool,
}

impl Store for TestStore {
    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("disk full".to_owned()));
        }
        self.inner.commit(changes, audit)
    }

    fn put_lease(&self, lease: &Lease, audit: Option<&AuditDraft>) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("disk full".to_owned()));
        }
        self.inner.put_lease(lease, audit)
    }

    hand_on!(
        inner:
        load, found, append, correct, spend, requests, request, entries, usage, reconcile, audit,
        ledger_totals, credential_spend, standings, put_standings, key_events, forget_key_events,
        put_bindings, bindings, forget_bindings, lease, open_leases, forget_leases, named_calls,
        forget_named_calls,
    );
}
