//! The settings and the application data of single API surfaces ("doors").

use actix_web::web::Data;
use utoipa::openapi::Server;
use utoipa_actix_web::service_config::ServiceConfig;

use super::console::{self, Console, ProviderButton};
use super::datahub;
use super::datahub::graphql::engine::Engine;
use super::docs::Documents;
use super::document;
use super::fallback::Endpoints;
use super::gateway::guards::{GithubKeys, LeakReports};
use super::gateway::introspection::AnswerLifetime;
use super::oauth;
use super::oauth::sign_in::Providers;
use super::oauth::sign_in::settings::ProviderSettings;
use super::oauth::workload::{Issuers, WorkloadSettings};
use crate::service::Service;

/// Configuration that only single API surfaces ("doors") need.
#[derive(Default)]
pub struct DoorSettings {
    /// GitHub's public keys for signed leak reports.
    pub github_keys: GithubKeys,
    /// How long gateways may cache a token introspection response.
    pub introspection: AnswerLifetime,
    /// Settings of the DataHub API.
    pub datahub: datahub::DoorRules,
    /// Settings of the authorization server.
    pub oauth: oauth::OauthSettings,
    /// Settings of workload identity.
    pub workloads: WorkloadSettings,
    /// Settings of the console.
    pub console: console::ConsoleSettings,
    /// The providers where people can sign in.
    pub sign_in: SignInSettings,
}

/// The providers where people can sign in.
#[derive(Default)]
pub struct SignInSettings {
    /// The settings of each provider.
    pub providers: Vec<ProviderSettings>,
    /// The URL at which browsers reach this server, without a slash at its end: providers send browsers back to no
    /// other URL.
    pub base: String,
}

/// The application data of single API surfaces.
#[derive(Clone)]
pub struct Doors {
    documents: Data<Documents>,
    endpoints: Data<Endpoints>,
    github_keys: Data<GithubKeys>,
    leak_reports: Data<LeakReports>,
    introspection: Data<AnswerLifetime>,
    datahub: Data<datahub::DoorRules>,
    graphql: Data<Engine>,
    oauth: Data<oauth::OauthSettings>,
    issuers: Data<Issuers>,
    console: Data<Console>,
    providers: Data<Providers>,
}

impl Doors {
    /// Builds the data. `public_url` becomes the server in the served OpenAPI document; without it, the server's URL there is
    /// relative to the document.
    ///
    /// # Errors
    /// When the OpenAPI document cannot be written, or threads cannot be started.
    pub fn new(service: &Service, settings: DoorSettings, public_url: Option<&str>) -> std::io::Result<Self> {
        let mut document = document();
        // Relative to the address of the document: right under every prefix that a proxy adds.
        document.servers = Some(vec![Server::new(public_url.unwrap_or(".."))]);
        let SignInSettings { providers, base } = settings.sign_in;
        let button =
            |each: &ProviderSettings| ProviderButton { id: each.id.as_ref().to_owned(), label: each.label.clone() };
        let buttons = providers.iter().map(button).collect();
        Ok(Self {
            documents: Data::new(Documents::of(&document)?),
            endpoints: Data::new(Endpoints::of(&document)),
            github_keys: Data::new(settings.github_keys),
            leak_reports: Data::new(LeakReports::new(service.clock.clone())),
            introspection: Data::new(settings.introspection),
            datahub: Data::new(settings.datahub),
            graphql: Data::new(Engine::start()?),
            issuers: Data::new(Issuers::new(settings.workloads, &service.clock)),
            oauth: Data::new(settings.oauth),
            console: Data::new(Console::new(console::ConsoleSettings { providers: buttons, ..settings.console })),
            providers: Data::new(Providers::new(providers, &base, &service.clock)),
        })
    }

    /// Registers the data with an application.
    pub fn register(&self, config: &mut ServiceConfig<'_>) {
        config
            .app_data(self.documents.clone())
            .app_data(self.endpoints.clone())
            .app_data(self.github_keys.clone())
            .app_data(self.leak_reports.clone())
            .app_data(self.introspection.clone())
            .app_data(self.datahub.clone())
            .app_data(self.graphql.clone())
            .app_data(self.oauth.clone())
            .app_data(self.issuers.clone())
            .app_data(self.console.clone())
            .app_data(self.providers.clone());
    }
}
