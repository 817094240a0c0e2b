//! Every route of the API with its method and permission, in one table. The router and the API description are built
//! from it, and nothing else adds a route under `/api/v1`.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use http::{Method, StatusCode};
use keyward_domain::principal::Action::{self, Administer, Read, Reveal, Write};
use keyward_domain::principal::{Principal, Resource};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::cursor::Binding;
use super::input::{Input, decode};
use super::openapi::ReadOpenApi;
use crate::control::{Control, Feed, Pages};
use crate::error::AdminError;
use crate::operation::{
    Operation, Permit, admin_token, alias, audit, budget, event, health, key, lease, limit, model, price, provider,
    request, route, status, team, tenant, usage, user, vault, vkey,
};

/// The table, in the order of the API description.
pub fn table() -> &'static [Row] {
    &TABLE
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    vec![
        get::<status::ShowStatus>("/status", Read),
        get::<provider::ListProviders>("/providers", Read),
        made::<provider::AddProvider>("/providers", Write),
        get::<provider::ShowProvider>("/providers/{provider}", Read),
        patch::<provider::UpdateProvider>("/providers/{provider}", Write),
        delete::<provider::RemoveProvider>("/providers/{provider}", Write),
        post::<provider::EnableProvider>("/providers/{provider}/enable", Write),
        post::<provider::DisableProvider>("/providers/{provider}/disable", Write),
        post::<provider::TestProvider>("/providers/{provider}/test", Write),
        get::<key::ListKeys>("/keys", Read),
        made::<key::AddKey>("/keys", Write),
        post::<key::TestAllKeys>("/keys/test", Write),
        get::<key::ListAllKeyEvents>("/key-events", Read),
        get::<key::ShowKey>("/keys/{key}", Read),
        patch::<key::UpdateKey>("/keys/{key}", Write),
        delete::<key::RemoveKey>("/keys/{key}", Write),
        post::<key::TestKey>("/keys/{key}/test", Write),
        post::<key::DiscoverModels>("/keys/{key}/discover", Write),
        post::<key::EnableKey>("/keys/{key}/enable", Write),
        post::<key::DisableKey>("/keys/{key}/disable", Write),
        post::<key::DrainKey>("/keys/{key}/drain", Write),
        post::<key::RetireKey>("/keys/{key}/retire", Write),
        get::<key::ListKeyEvents>("/keys/{key}/events", Read),
        post::<key::CoolKey>("/keys/{key}/cooldown", Write),
        delete::<key::ClearKey>("/keys/{key}/cooldown", Write),
        post::<key::ReplaceKey>("/keys/{key}/replace", Write),
        post::<key::RevealKey>("/keys/{key}/reveal", Reveal),
        get::<event::FollowEvents>("/events", Read),
        get::<health::SummariseHealth>("/health/summary", Read),
        post::<health::CheckHealth>("/health/check", Write),
        get::<health::ShowHealth>("/health/{model}/{key}", Read),
        get::<route::ExplainRoute>("/routes/explain", Read),
        post::<route::SimulateStrategy>("/routes/simulate", Read),
        get::<vkey::ListVkeys>("/vkeys", Read),
        made::<vkey::CreateVkey>("/vkeys", Write),
        get::<vkey::ShowVkey>("/vkeys/{vkey}", Read),
        patch::<vkey::UpdateVkey>("/vkeys/{vkey}", Write),
        post::<vkey::RotateVkey>("/vkeys/{vkey}/rotate", Write),
        post::<vkey::RevokeVkey>("/vkeys/{vkey}/revoke", Write),
        get::<tenant::ListTenants>("/tenants", Read),
        made::<tenant::CreateTenant>("/tenants", Write),
        get::<tenant::ShowTenant>("/tenants/{tenant}", Read),
        patch::<tenant::UpdateTenant>("/tenants/{tenant}", Write),
        delete::<tenant::DeleteTenant>("/tenants/{tenant}", Write),
        get::<team::ListTeams>("/teams", Read),
        made::<team::CreateTeam>("/teams", Write),
        get::<team::ShowTeam>("/teams/{team}", Read),
        patch::<team::UpdateTeam>("/teams/{team}", Write),
        delete::<team::DeleteTeam>("/teams/{team}", Write),
        get::<user::ListUsers>("/users", Read),
        made::<user::CreateUser>("/users", Write),
        get::<user::ShowUser>("/users/{user}", Read),
        patch::<user::UpdateUser>("/users/{user}", Write),
        delete::<user::DeleteUser>("/users/{user}", Write),
        get::<model::ListModels>("/models", Read),
        get::<model::ShowModel>("/models/{provider}/{model}", Read),
        get::<price::ListPrices>("/prices", Read),
        put::<price::SetPrice>("/prices/{provider}/{model}", Write),
        delete::<price::RemovePrice>("/prices/{provider}/{model}", Write),
        get::<alias::ListAliases>("/aliases", Read),
        put::<alias::SetAlias>("/aliases/{name}", Write),
        delete::<alias::RemoveAlias>("/aliases/{name}", Write),
        get::<budget::ListBudgets>("/budgets", Read),
        put::<budget::SetBudget>("/budgets", Write),
        get::<budget::ShowBudget>("/budgets/{budget}", Read),
        delete::<budget::DeleteBudget>("/budgets/{budget}", Write),
        get::<limit::ListLimits>("/limits", Read),
        put::<limit::SetLimit>("/limits", Write),
        get::<limit::ShowLimit>("/limits/{limit}", Read),
        delete::<limit::DeleteLimit>("/limits/{limit}", Write),
        get::<usage::ShowUsage>("/usage", Read),
        get::<usage::ExportUsage>("/usage/export", Read),
        get::<usage::ReconcileUsage>("/usage/reconcile", Read),
        post::<usage::RepriceUsage>("/usage/reprice", Write),
        get::<request::ListRequests>("/requests", Read),
        get::<request::ShowRequest>("/requests/{request}", Read),
        made::<request::CorrectLedger>("/requests/{request}/corrections", Write),
        get::<request::ExplainRequest>("/requests/{request}/explain", Read),
        get::<lease::ListLeases>("/leases", Read),
        get::<audit::ListAudit>("/audit", Read),
        get::<admin_token::ListAdminTokens>("/admin-tokens", Administer),
        made::<admin_token::CreateAdminToken>("/admin-tokens", Administer),
        post::<admin_token::RevokeAdminToken>("/admin-tokens/{admin_token}/revoke", Administer),
        get::<vault::ShowVault>("/vault", Read),
        post::<vault::LockVault>("/vault/lock", Administer),
        post::<vault::UnlockVault>("/vault/unlock", Administer),
        get::<ReadOpenApi>("/openapi.json", Read),
    ]
});

/// One route.
pub struct Row {
    /// The HTTP method.
    pub method: Method,
    /// The path below `/api/v1`, with its parameters in braces.
    pub path: &'static str,
    /// What the permission rule is asked.
    pub action: Action,
    /// What the operation itself asks the rule; always the same as `action`.
    pub asked: Action,
    /// What it works on.
    pub resource: Resource,
    /// The operation's name, `noun.verb`.
    pub name: &'static str,
    /// The status of success.
    pub status: StatusCode,
    /// The content type of the answer, unless the input asks for another.
    pub content_type: &'static str,
    permit: fn(&Principal) -> Result<(), AdminError>,
    run: Run,
    pub(super) input: fn() -> RefOr<Schema>,
    pub(super) output: fn() -> RefOr<Schema>,
    pub(super) schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
    /// The name of the answer's type in the API description; `None` for one that is written in place.
    pub(super) output_name: fn() -> Option<String>,
}

type Run = for<'a> fn(&'a Control, &'a Principal, &'a Input) -> Running<'a>;

type Running<'a> = Pin<Box<dyn Future<Output = Result<Reply, AdminError>> + Send + 'a>>;

/// What the types of pages are called.
const PAGE: &str = "keyward_admin::field::page::Page<";

/// What an operation answered, ready to be sent.
#[derive(Debug)]
pub struct Reply {
    pub(super) content_type: &'static str,
    pub(super) body: ReplyBody,
    pub(super) revision: Option<u64>,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum ReplyBody {
    /// This.
    Whole(Vec<u8>),
    /// What happens, as it happens.
    Feed(Box<Feed>),
    /// Text, page by page.
    Pages(Box<Pages>),
}

impl Row {
    /// Asks the permission rule, before the body is read.
    pub(super) fn permit(&self, principal: &Principal) -> Result<(), AdminError> {
        (self.permit)(principal)
    }

    /// Reads the input and runs the operation.
    pub(super) fn run<'a>(&self, control: &'a Control, principal: &'a Principal, input: &'a Input) -> Running<'a> {
        (self.run)(control, principal, input)
    }

    /// The names of the path's parameters.
    pub fn path_params(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

fn get<O: Operation>(path: &'static str, action: Action) -> Row {
    row::<O>(Method::GET, path, action, StatusCode::OK)
}

fn post<O: Operation>(path: &'static str, action: Action) -> Row {
    row::<O>(Method::POST, path, action, StatusCode::OK)
}

/// A `POST` that makes something new.
fn made<O: Operation>(path: &'static str, action: Action) -> Row {
    row::<O>(Method::POST, path, action, StatusCode::CREATED)
}

fn put<O: Operation>(path: &'static str, action: Action) -> Row {
    row::<O>(Method::PUT, path, action, StatusCode::OK)
}

fn patch<O: Operation>(path: &'static str, action: Action) -> Row {
    row::<O>(Method::PATCH, path, action, StatusCode::OK)
}

fn delete<O: Operation>(path: &'static str, action: Action) -> Row {
    row::<O>(Method::DELETE, path, action, StatusCode::OK)
}

fn row<O: Operation>(method: Method, path: &'static str, action: Action, status: StatusCode) -> Row {
    Row {
        method,
        path,
        action,
        asked: O::ACTION,
        resource: O::RESOURCE,
        name: O::NAME,
        status,
        content_type: O::CONTENT_TYPE,
        permit: |principal| Permit::of::<O>(principal).map(|_| ()),
        run: |control, principal, input| Box::pin(perform::<O>(control, principal, input)),
        input: <O as PartialSchema>::schema,
        output: <O::Output as PartialSchema>::schema,
        schemas: |schemas| {
            <O as ToSchema>::schemas(schemas);
            <O::Output as ToSchema>::schemas(schemas);
        },
        output_name: || named::<O::Output>(),
    }
}

/// Pages and free JSON have no name of their own: all pages would share one.
fn named<T: ToSchema>() -> Option<String> {
    let is_plain = !std::any::type_name::<T>().contains('<') && T::name() != "Value";
    is_plain.then(|| T::name().into_owned())
}

/// Whether it is a page of a list, which may have a cursor.
fn is_page<T>() -> bool {
    std::any::type_name::<T>().starts_with(PAGE)
}

async fn perform<O: Operation>(control: &Control, principal: &Principal, input: &Input) -> Result<Reply, AdminError> {
    let permit = Permit::of::<O>(principal)?;
    let operation: O = decode(input)?;
    let mut output = permit.perform(operation, control).await?;
    if let Some(feed) = O::as_feed(&mut output) {
        return Ok(Reply { content_type: O::CONTENT_TYPE, body: ReplyBody::Feed(Box::new(feed)), revision: None });
    }
    if let Some(pages) = O::as_pages(&mut output) {
        let content_type = pages.content_type();
        return Ok(Reply { content_type, body: ReplyBody::Pages(Box::new(pages)), revision: None });
    }
    let revision = O::revision(&output);
    if let Some((content_type, text)) = O::as_text(&output) {
        return Ok(Reply { content_type, body: ReplyBody::Whole(text.into_bytes()), revision });
    }
    let written = if is_page::<O::Output>() {
        serde_json::to_value(&output).and_then(|mut page| {
            Binding { list: O::NAME, realm: principal.realm() }.seal(&mut page);
            serde_json::to_vec(&page)
        })
    } else {
        serde_json::to_vec(&output)
    };
    let body = written.map_err(|error| {
        tracing::error!(%error, operation = O::NAME, "an answer could not be written as JSON");
        AdminError::Internal
    })?;
    Ok(Reply { content_type: O::CONTENT_TYPE, body: ReplyBody::Whole(body), revision })
}
