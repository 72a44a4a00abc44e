//! Service accounts other than API keys.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::problem::FieldError;
use super::scalars::{EntityType, Long};
use super::{PageRequest, RequestContext, total};
use crate::domain::filter::{Case, Filter, Pattern, Test};
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::service_account::{self, PREFIX, ServiceAccountField};
use crate::domain::text::{Description, DisplayName, at};
use crate::http::datahub::urn;
use crate::service::keys::service_accounts;

/// Replaces the text of an authorization error by DataHub's for service accounts.
fn refused(verb: &str) -> impl Fn(crate::domain::error::Error) -> FieldError {
    let message = format!("Unauthorized to {verb} service accounts. Please contact your DataHub administrator.");
    move |error| FieldError::from(error).refused_as(&message)
}

/// Queries about service accounts.
#[derive(Default)]
pub struct ServiceAccountQuery;

#[Object]
impl ServiceAccountQuery {
    /// List service accounts, the newest first.
    async fn list_service_accounts(
        &self,
        context: &Context<'_>,
        input: ListServiceAccountsInput,
    ) -> Result<ListServiceAccountsResult, FieldError> {
        let asking = RequestContext::of(context)?;
        let window = PageRequest::new(input.start, input.count, 10)?;
        let query = Query::<ServiceAccountField> {
            filter: containing(
                input.query.as_deref(),
                &[ServiceAccountField::DisplayName, ServiceAccountField::Username],
            ),
            sort: Sort::parse("")?,
            limit: window.count.into(),
            start: Start::Offset(window.start.into()),
            totals: Totals::Exact,
        };
        let page =
            service_accounts::list(&asking.state.service, &asking.actor, query).await.map_err(refused("list"))?;
        let total = total(page.counts);
        let service_accounts = page.records.into_iter().map(ServiceAccount::listed).collect();
        Ok(ListServiceAccountsResult { start: window.start, count: window.count, total, service_accounts })
    }

    /// Get a service account.
    async fn get_service_account(
        &self,
        context: &Context<'_>,
        urn: String,
    ) -> Option<Result<ServiceAccount, FieldError>> {
        Some(get(context, &urn).await)
    }
}

async fn get(context: &Context<'_>, urn: &str) -> Result<ServiceAccount, FieldError> {
    let asking = RequestContext::of(context)?;
    let username = urn::user("urn", urn)?;
    let found = service_accounts::get(&asking.state.service, &asking.actor, username).await.map_err(refused("get"))?;
    Ok(ServiceAccount::listed(found))
}

/// A filter for records with a text in one of those fields, ignoring case.
pub(super) fn containing<F: Copy>(text: Option<&str>, fields: &[F]) -> Filter<F> {
    match text.map(|text| text.trim().trim_matches('*').replace('\0', "")).filter(|text| !text.is_empty()) {
        None => Filter::All(Vec::new()),
        Some(text) => {
            let pattern = Pattern { pieces: vec![String::new(), text, String::new()], case: Case::Ignored };
            Filter::Any(fields.iter().map(|field| Filter::Test(*field, Test::Like(pattern.clone()))).collect())
        }
    }
}

/// Mutations of service accounts.
#[derive(Default)]
pub struct ServiceAccountMutation;

#[Object]
impl ServiceAccountMutation {
    /// Create a service account, without permissions until a role or a policy grants some.
    async fn create_service_account(
        &self,
        context: &Context<'_>,
        input: CreateServiceAccountInput,
    ) -> Result<ServiceAccount, FieldError> {
        create(context, input).await
    }

    /// Delete a service account. Its tokens are refused at once.
    async fn delete_service_account(&self, context: &Context<'_>, urn: String) -> Result<bool, FieldError> {
        delete(context, &urn).await
    }
}

async fn create(context: &Context<'_>, input: CreateServiceAccountInput) -> Result<ServiceAccount, FieldError> {
    let asking = RequestContext::of(context)?;
    let given = input.display_name.filter(|name| !name.trim().is_empty());
    let display_name = at("displayName", given.as_deref().map(DisplayName::parse).transpose())?;
    let description = at("description", Description::parse(&input.description.unwrap_or_default()))?;
    let created = service_accounts::create(&asking.state.service, &asking.actor, display_name, description).await;
    let created = created.map_err(refused("create"))?;
    Ok(ServiceAccount { name: created.principal.username().to_string(), ..ServiceAccount::listed(created) })
}

async fn delete(context: &Context<'_>, urn: &str) -> Result<bool, FieldError> {
    let asking = RequestContext::of(context)?;
    let username = urn::user("urn", urn)?;
    service_accounts::delete(&asking.state.service, &asking.actor, username).await.map_err(refused("delete"))?;
    Ok(true)
}

/// A service account: a principal for a program.
#[derive(SimpleObject)]
pub struct ServiceAccount {
    /// `urn:li:corpuser:service_<uuid>`
    urn: String,
    /// Always `CORP_USER`.
    #[graphql(name = "type")]
    entity_type: EntityType,
    /// The user name of the service account: complete in the answer to its creation, without the prefix elsewhere, as in DataHub.
    name: String,
    /// The display name.
    display_name: Option<String>,
    /// The description: what the service account is for.
    description: Option<String>,
    /// The URN of its creator.
    created_by: Option<String>,
    /// When it was created.
    created_at: Option<Long>,
    /// When it was last changed.
    updated_at: Option<Long>,
}

impl ServiceAccount {
    fn listed(account: service_account::ServiceAccount) -> Self {
        let username = account.principal.username().to_string();
        Self {
            urn: urn::of_user(&username),
            entity_type: EntityType::CorpUser,
            name: username.strip_prefix(PREFIX).unwrap_or(&username).to_owned(),
            display_name: Some(account.display_name),
            description: Some(account.description).filter(|text| !text.is_empty()),
            created_by: Some(urn::of_user(account.created_by)),
            created_at: Some(Long(account.created_at)),
            updated_at: Some(Long(account.updated_at)),
        }
    }
}

/// One page of service accounts.
#[derive(SimpleObject)]
pub struct ListServiceAccountsResult {
    /// The offset of the page.
    start: i32,
    /// The requested length of the page.
    count: i32,
    /// The number of service accounts in all pages.
    total: i32,
    /// The service accounts.
    service_accounts: Vec<ServiceAccount>,
}

/// The page and the filter of service accounts.
#[derive(Debug, InputObject)]
pub struct ListServiceAccountsInput {
    /// The offset of the page.
    start: Option<i32>,
    /// The most service accounts; 10 by default.
    count: Option<i32>,
    /// A part of the display name or user name.
    query: Option<String>,
}

/// A service account to create.
#[derive(Debug, InputObject)]
pub struct CreateServiceAccountInput {
    /// The display name.
    display_name: Option<String>,
    /// The description: what the service account is for.
    description: Option<String>,
}
