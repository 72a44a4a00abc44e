//! A service whose directory holds any number of API keys, and their tokens.

use std::error::Error;

use futures_util::FutureExt;
use tempfile::TempDir;
use tessera::clock::{Clock, DAY};
use tessera::directory::{Directory, Freshness};
use tessera::domain::actor::Standing;
use tessera::domain::api_key::NEVER;
use tessera::domain::credential::{Credential, KnownCredential};
use tessera::domain::entropy::Entropy;
use tessera::domain::error;
use tessera::domain::ids::{Id, PersonaId};
use tessera::domain::limits::Limits;
use tessera::domain::password::PasswordSignIn;
use tessera::domain::pepper::Peppers;
use tessera::domain::persona::{PersonaRef, mint_qualified_name};
use tessera::domain::principal::{Principal, PrincipalKind, Role};
use tessera::domain::token::{ParsedToken, Prefixes, TokenKind};
use tessera::service::authn::look_ups::LookUps;
use tessera::service::authn::proofs::{NonceRule, Proofs};
use tessera::service::authn::sign_ins::SignIns;
use tessera::service::{Parts, Service};
use tessera::storage::database::Database;
use tokio::sync::Mutex;

/// How many personas there are; every key is linked to one of them, every tenth to the next one too.
const PERSONAS: usize = 100;

/// The directory is divided into parts that are not filled alike: so much more room lets nothing be evicted.
const SPARE: usize = 1_000;

/// What a benchmark cannot go on after.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A service and the tokens it knows.
pub struct Population {
    /// With room for its keys in its directory.
    pub service: Service,
    personas: Vec<PersonaRef>,
    /// Holds the database if no other was named.
    _directory: TempDir,
}

impl Population {
    /// A service with room for so many keys, on the database with that URL or on a temporary one.
    ///
    /// # Errors
    /// When there is no randomness, no temporary file, or no such database.
    pub fn with_room_for(keys: usize, url: Option<&str>) -> Outcome<Self> {
        let directory = TempDir::new()?;
        let temporary = format!("sqlite://{}", directory.path().join("bench.db").display());
        let url = url.unwrap_or(&temporary).parse()?;
        let clock = Clock::system();
        let records = Directory::new(keys + keys / 10 + SPARE, Freshness { lease: DAY, age: DAY });
        records.renew_lease(clock.uptime());
        let peppers = Peppers::parse(&Peppers::generate(Entropy::SYSTEM)?)?;
        let service = Service::new(Parts {
            signing_algorithm: tessera::domain::signing::SigningAlgorithm::Es256,
            database: Database::connect(&url, 1)?,
            directory: records,
            clock,
            entropy: Entropy::SYSTEM,
            proofs: Proofs::new(&peppers, NonceRule::Off),
            peppers,
            prefixes: Prefixes::default(),
            session_millis: 0,
            hourly_usage_days: 31,
            password_sign_in: PasswordSignIn::On,
            sign_ins: SignIns::new(1),
            look_ups: LookUps::new(1000, 4),
            saving: Mutex::new(()),
        });
        let personas = (0..PERSONAS).map(persona).collect::<Outcome<_>>()?;
        Ok(Self { service, personas, _directory: directory })
    }

    /// Reads so many keys into the directory, as the first use of each would; their tokens, in no order.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn grow(&self, keys: usize) -> Outcome<Vec<ParsedToken>> {
        (0..keys).map(|index| self.add(index)).collect()
    }

    fn add(&self, index: usize) -> Outcome<ParsedToken> {
        let Self { service, personas, .. } = self;
        let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM)?;
        let read = || std::future::ready(known(service, &token, links(personas, index)).map(Some));
        let read = service.directory.get(token.key_id, &service.clock, read).now_or_never();
        read.ok_or("the directory waits")??;
        Ok(token)
    }
}

fn known(service: &Service, token: &ParsedToken, personas: Vec<PersonaRef>) -> error::Result<KnownCredential> {
    let (pepper, now) = (service.peppers.current(), service.clock.now());
    let id = Id::new(now, Entropy::SYSTEM)?;
    let digest = service.peppers.digest(token, pepper).ok_or(error::Error::Internal("no pepper".into()))?;
    let principal = Principal {
        id,
        kind: PrincipalKind::ServiceAccount,
        chosen_name: None,
        role: Role::ApiToken,
        enabled: true,
        created_at: now,
    };
    Ok(KnownCredential {
        credential: Credential {
            key_id: token.key_id,
            kind: token.kind,
            principal: id,
            digest,
            pepper,
            created_at: now,
            expires_at: NEVER,
        },
        standing: Standing { personas: personas.into(), ..Standing::new(principal) },
        limits: Limits::default(),
    })
}

fn links(personas: &[PersonaRef], index: usize) -> Vec<PersonaRef> {
    let several = if index.is_multiple_of(10) { 2 } else { 1 };
    personas.iter().cycle().skip(index % PERSONAS).take(several).cloned().collect()
}

fn persona(index: usize) -> Outcome<PersonaRef> {
    let id = PersonaId::new(0, Entropy::SYSTEM)?;
    let qualified_name = mint_qualified_name(Entropy::SYSTEM)?;
    Ok(PersonaRef { id, name: format!("Persona {index}"), qualified_name, enabled: true })
}
