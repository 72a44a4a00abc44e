//! The application as in production, over a database of its own, with actors as its clients.

mod answer;
pub mod blocker;
mod client;
pub mod database;
pub mod document;
pub mod issuer;
pub mod log;
pub mod meanwhile;
pub mod proxy;
pub mod repository;
pub mod rules;
pub mod statements;
pub mod upload;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service as _, ServiceResponse};
use actix_web::test;
use actix_web::{Error, web};
use tessera::app::app;
use tessera::clock::{Clock, DAY};
use tessera::directory::{Directory, Freshness};
use tessera::domain::actor::Actor;
use tessera::domain::api_key::{CreatedApiKey, NewApiKey, Validity};
use tessera::domain::entropy::Entropy;
use tessera::domain::limits::Limits;
use tessera::domain::password::PasswordSignIn;
use tessera::domain::pepper::Peppers;
use tessera::domain::permission::{Permission, Permissions};
use tessera::domain::principal::Role;
use tessera::domain::text::{Description, DisplayName};
use tessera::domain::token::Prefixes;
use tessera::http::bodies::BodyLimits;
use tessera::http::doors::{DoorSettings, Doors, SignInSettings};
use tessera::http::gateway::guards::GithubKeys;
use tessera::http::gateway::introspection::AnswerLifetime;
use tessera::http::state::{State, StateSettings};
use tessera::http::{datahub, oauth};
use tessera::service::authn::look_ups::LookUps;
use tessera::service::authn::proofs::{NonceRule, Proofs};
use tessera::service::authn::sign_ins::SignIns;
use tessera::service::catalogue::policies;
use tessera::service::keys::api_keys;
use tessera::service::people::users::{self, NewUser};
use tessera::service::{Parts, Service};
use tessera::storage::database::Database;

pub use self::answer::Answer;
pub use self::client::{Client, Holder};
use self::database::Storage;
use self::proxy::Proxy;

/// When every test begins, in epoch milliseconds.
pub const BEGIN: i64 = 1_795_391_999_000;
/// The password of every user.
pub const PASSWORD: &str = "correct horse battery staple";
/// How long sessions last, in milliseconds.
pub const SESSION: i64 = 3_600_000;
/// The largest body, in bytes.
pub const BODY_LIMIT: usize = 65_536;

/// Settings that a test may change.
pub struct Options {
    /// How many may sign in at once.
    pub sign_ins: usize,
    /// Where randomness comes from.
    pub entropy: Entropy,
    /// How long a request may take.
    pub timeout: Duration,
    /// The lease on the cache.
    pub freshness: Freshness,
    /// GitHub's public keys, as GitHub publishes them.
    pub github_keys: &'static str,
    /// Settings of DataHub's API.
    pub datahub: datahub::DoorRules,
    /// How bodies are read.
    pub bodies: BodyLimits,
    /// How many look-ups of credentials may wait.
    pub look_ups: usize,
    /// Whether a PostgreSQL is reached through a proxy.
    pub proxied: bool,
    /// The origins whose pages may call the server (CORS).
    pub cors_origins: Vec<String>,
    /// The public URL.
    pub public_url: Option<String>,
    /// The providers where people can sign in.
    pub sign_in: SignInSettings,
    /// Whether people sign in with passwords.
    pub password_sign_in: PasswordSignIn,
    /// The programs beside `tessera-cli` that may ask for sessions.
    pub device_clients: Vec<String>,
    /// Whether DPoP proofs must have a nonce.
    pub dpop_nonces: NonceRule,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sign_ins: 8,
            entropy: Entropy::SYSTEM,
            timeout: Duration::from_mins(1),
            freshness: Freshness { lease: 10_000 * DAY, age: 10_000 * DAY },
            github_keys: r#"{"public_keys":[]}"#,
            datahub: datahub::DoorRules::default(),
            bodies: bodies(),
            look_ups: 1000,
            proxied: false,
            cors_origins: Vec::new(),
            public_url: None,
            sign_in: SignInSettings::default(),
            password_sign_in: PasswordSignIn::On,
            device_clients: Vec::new(),
            dpop_nonces: NonceRule::Off,
        }
    }
}

/// The service over its own database.
pub struct World {
    pub service: Service,
    pub pepper: String,
    /// The proxy in front of PostgreSQL, if wanted. It is dropped before the database.
    pub proxy: Option<Proxy>,
    pub storage: Storage,
}

impl World {
    pub fn new(options: &Options) -> Self {
        log::start();
        statements::start();
        let storage = Storage::migrated();
        let pepper = Peppers::generate(Entropy::SYSTEM).unwrap();
        let proxy = options.proxied.then(|| storage.proxy()).flatten();
        let url = storage.url_through(proxy.as_ref());
        let service = service(&url, &pepper, Clock::manual(BEGIN), options);
        Self { service, pepper, proxy, storage }
    }

    /// Another process on the same database, with that pepper.
    pub fn neighbour(&self, pepper: &str) -> Service {
        service(&self.storage.url(), pepper, self.service.clock.clone(), &Options::default())
    }

    /// Another process on the same database, with other options.
    pub fn neighbour_with(&self, options: &Options) -> Service {
        service(&self.storage.url(), &self.pepper, self.service.clock.clone(), options)
    }

    /// Another process on the same database, with a clock of its own.
    pub fn neighbour_at(&self, clock: Clock) -> Service {
        service(&self.storage.url(), &self.pepper, clock, &Options::default())
    }

    pub fn operator(&self) -> Actor {
        Actor::operator(self.service.clock.now())
    }

    /// An API key made by the operator.
    pub async fn key(&self, name: &str, permissions: &[Permission]) -> CreatedApiKey {
        let permissions: Permissions = permissions.iter().copied().collect();
        let new = NewApiKey { permissions, ..new_key(name) };
        api_keys::create(&self.service, &self.operator(), new, None).await.unwrap()
    }

    /// Gives a user another role.
    pub async fn set_role(&self, name: &str, role: Role) {
        users::set_role(&self.service, &self.operator(), name.into(), role).await.unwrap();
    }

    pub async fn user(&self, name: &str, role: Role) {
        let new = NewUser {
            username: name.into(),
            role,
            email: format!("{name}@example.org"),
            password: Some(PASSWORD.into()),
        };
        users::create(&self.service, &self.operator(), new).await.unwrap();
    }
}

/// A request for a key without expiry and permissions.
pub fn new_key(name: &str) -> NewApiKey {
    NewApiKey {
        display_name: DisplayName::parse(name).unwrap(),
        description: Description::parse("").unwrap(),
        validity: Validity::NEVER,
        personas: Vec::new(),
        permissions: Permissions::NONE,
        limits: Limits::default(),
    }
}

/// How the tests' applications read bodies.
pub fn bodies() -> BodyLimits {
    BodyLimits { longest: BODY_LIMIT, ..BodyLimits::default() }
}

/// The settings of the tests' applications for all APIs.
pub fn settings(request_timeout: Duration) -> StateSettings {
    StateSettings { bodies: bodies(), request_timeout, ..StateSettings::default() }
}

/// The lease runs, although nothing polls for changes unless the test does.
fn service(url: &str, pepper: &str, clock: Clock, options: &Options) -> Service {
    let directory = Directory::new(1000, options.freshness);
    directory.renew_lease(clock.uptime());
    let peppers = Peppers::parse(pepper).unwrap();
    Service::new(Parts {
        database: Database::connect(&url.parse().unwrap(), 4).unwrap(),
        directory,
        clock,
        entropy: options.entropy,
        proofs: Proofs::new(&peppers, options.dpop_nonces),
        peppers,
        prefixes: Prefixes::default(),
        session_millis: SESSION,
        hourly_usage_days: 31,
        password_sign_in: options.password_sign_in,
        sign_ins: SignIns::new(options.sign_ins),
        look_ups: LookUps::new(options.look_ups, 4),
        signing_algorithm: tessera::domain::signing::SigningAlgorithm::Es256,
        saving: tokio::sync::Mutex::default(),
    })
}

type Answering = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, Error>>>>;

/// What an application and its clients share. The fields are dropped in this order: the database goes last.
#[derive(Clone)]
struct Running {
    doors: Rc<dyn Fn(Request) -> Answering>,
    world: Rc<World>,
}

/// A running application; it runs until the last of its clients is gone.
pub struct App(Running);

impl std::ops::Deref for App {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0.world
    }
}

impl App {
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> Self {
        let world = World::new(&options);
        policies::seed(&world.service, None).await.unwrap();
        let doors = DoorSettings {
            github_keys: GithubKeys::parse(options.github_keys).unwrap(),
            introspection: AnswerLifetime(60_000),
            datahub: options.datahub,
            sign_in: options.sign_in,
            oauth: oauth::OauthSettings { device_clients: options.device_clients },
            ..DoorSettings::default()
        };
        let doors = Doors::new(&world.service, doors, options.public_url.as_deref()).unwrap();
        let settings = StateSettings {
            bodies: options.bodies,
            cors_origins: options.cors_origins,
            public_url: options.public_url,
            ..settings(options.timeout)
        };
        let state = State::new(world.service.clone(), settings);
        let service = test::init_service(app(web::Data::new(state), &doors)).await;
        let doors = Rc::new(move |request: Request| Box::pin(service.call(request)) as Answering);
        Self(Running { doors, world: Rc::new(world) })
    }

    pub fn advance(&self, millis: i64) {
        self.service.clock.advance(millis);
    }

    pub fn now(&self) -> i64 {
        self.service.clock.now()
    }

    pub fn anonymous(&self) -> Client {
        Client::new(self.0.clone())
    }

    pub fn holder_of(&self, token: &str) -> Client {
        self.anonymous().with("authorization", &format!("Bearer {token}"))
    }

    /// A session of the user `admin`, who is created if there is none.
    pub async fn admin(&self) -> Client {
        let taken = self.service.database.read(tessera::storage::users::is_empty).unwrap();
        if taken {
            self.user("admin", Role::Admin).await;
        }
        self.session_of("admin").await
    }

    /// A session of a new user.
    pub async fn session_with(&self, name: &str, role: Role) -> Client {
        self.user(name, role).await;
        self.session_of(name).await
    }

    pub async fn session_of(&self, name: &str) -> Client {
        let body = serde_json::json!({"username": name, "password": PASSWORD});
        let session = self.anonymous().post("/api/service/sessions", &body).await.ok();
        self.holder_of(session["token"].as_str().unwrap())
    }

    /// An API key with those permissions.
    pub async fn key_with(&self, permissions: &[Permission]) -> Holder {
        let CreatedApiKey { api_key, token } = self.key("actor", permissions).await;
        let token = token.expose();
        Holder { id: api_key.id.to_string(), client: self.holder_of(&token), token }
    }
}
