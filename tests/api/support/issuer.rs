//! An issuer of ID tokens: a server of its own, over HTTP, with a key of P-256.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

/// Signs tokens with ES256.
pub struct Signer {
    key: SigningKey,
    pub id: String,
}

impl Signer {
    pub fn new(seed: u8, id: &str) -> Self {
        Self { key: SigningKey::from_slice(&[seed; 32]).unwrap(), id: id.to_owned() }
    }

    /// Its public key.
    pub fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "kid": self.id,
               "x": coordinate(point.x().unwrap()), "y": coordinate(point.y().unwrap())})
    }

    pub fn head(&self) -> Value {
        json!({"alg": "ES256", "kid": self.id, "typ": "JWT"})
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.head(), claims)
    }

    pub fn sign_with(&self, head: &Value, claims: &Value) -> String {
        let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let message = format!("{}.{}", part(head), part(claims));
        let signature: Signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature.to_bytes()))
    }
}

/// The answers of the server, by path, and the paths that were asked for.
#[derive(Default)]
pub struct Served {
    pub answers: BTreeMap<String, (u16, String)>,
    pub asked: Vec<String>,
    /// How long each answer takes.
    pub delay: Duration,
}

/// The issuer. Its thread ends with the process.
pub struct Issuer {
    pub name: String,
    pub served: Arc<Mutex<Served>>,
    pub signer: Signer,
}

impl Issuer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Mutex::new(Served::default()));
        let serving = Arc::clone(&served);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
                let mut served = serving.lock().unwrap();
                let (status, body) = served.answers.get(&path).cloned().unwrap_or((404, String::new()));
                served.asked.push(path);
                let delay = served.delay;
                drop(served);
                std::thread::sleep(delay);
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nlocation: /jwks\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                // A client that has read enough is gone.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        let issuer = Self { name, served, signer: Signer::new(7, "first") };
        issuer.serve("/.well-known/openid-configuration", 200, &issuer.metadata());
        issuer.serve("/jwks", 200, &json!({"keys": [issuer.signer.jwk()]}));
        issuer
    }

    pub fn metadata(&self) -> Value {
        json!({"issuer": self.name, "jwks_uri": format!("{}/jwks", self.name),
               "id_token_signing_alg_values_supported": ["ES256"]})
    }

    pub fn serve(&self, path: &str, status: u16, body: &Value) {
        self.served.lock().unwrap().answers.insert(path.to_owned(), (status, body.to_string()));
    }

    /// How often that path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.served.lock().unwrap().asked.iter().filter(|asked| *asked == path).count()
    }
}
