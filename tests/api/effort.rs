//! How much one request may have the database do, and that others work meanwhile.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tessera::domain::error::Error;
use tessera::domain::principal::Role;
use tessera::storage::assets;

use crate::storage::actions;
use crate::support::database::on_postgres;
use crate::support::{App, Client};

fn connection(number: usize, people: &[String]) -> Value {
    json!({"typeName": "Connection", "attributes": {
        "qualifiedName": format!("default/x/{number}"), "name": "c", "viewerUsers": people,
    }})
}

async fn exists(client: &Client, type_name: &str, name: &str) -> bool {
    let path = format!("/api/meta/entity/uniqueAttribute/type/{type_name}?attr:qualifiedName={name}");
    client.get(&path).await.status == 200
}

#[actix_web::test]
async fn one_request_changes_so_many_people_only() {
    let app = App::start().await;
    let mia = app.session_with("mia", Role::Member).await;
    app.session_with("bob", Role::Member).await;
    let groups: Vec<String> = (0..1000).map(|number| format!("g{number}")).collect();
    let full = |groups: &[String]| {
        json!({"typeName": "Connection", "attributes": {
            "qualifiedName": "default/x/0", "name": "c", "viewerGroups": groups, "adminGroups": groups,
        }})
    };
    let one_more = connection(1, &["bob".to_owned()]);
    for groups in [groups.as_slice(), &[]] {
        let refused = mia.bulk(&[full(groups), one_more.clone()]).await.refused("TESSERA-400-001").to_string();
        assert!(refused.contains("viewerUsers") && refused.contains("2000"), "{refused}");
        assert!(!exists(&mia, "Connection", "default/x/1").await, "nothing is written");
        mia.bulk(&[full(groups)]).await.ok();
    }
    mia.bulk(&[one_more]).await.ok();
    mia.bulk(&[connection(1, &[])]).await.ok();
    let told = actions(&app.service).into_iter().filter(|action| action == "asset.access_changed").count();
    assert_eq!(told, 2 + 2, "the audit trail has everybody who was added or removed");
}

/// Holds what every creation of a top-level asset waits for.
struct Ground {
    release: mpsc::Sender<()>,
    holder: std::thread::JoinHandle<Result<(), Error>>,
}

impl Ground {
    fn hold(app: &App) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let service = app.service.clone();
        let holder = std::thread::spawn(move || {
            service.database.write(|connection| {
                assets::lock_ground(connection)?;
                let _ = tell.send(());
                let _ = released.recv();
                Ok(())
            })
        });
        told.recv().unwrap();
        Self { release, holder }
    }

    fn release(self) {
        self.release.send(()).unwrap();
        self.holder.join().unwrap().unwrap();
    }
}

#[actix_web::test]
async fn who_is_named_by_a_slow_request_revokes_keys_meanwhile_and_the_request_ends_in_words() {
    if !on_postgres() {
        // On SQLite every write waits for the one before, and has the same limit of time.
        return;
    }
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = app.session_with("mia", Role::Member).await;
    mia.asset("Connection", "default/x/0").await;
    let leaked = admin.try_create(&json!({"displayName": "leaked"})).await.ok();
    let ground = Ground::hold(&app);
    let began = Instant::now();
    let slow = {
        let mia = mia.clone();
        actix_web::rt::spawn(async move {
            let named = ["admin".to_owned()];
            mia.bulk(&(0..30).map(|number| connection(number, &named)).collect::<Vec<_>>()).await
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let path = format!("/api/service/apikeys/{}", leaked["id"].as_str().unwrap());
    assert_eq!(admin.delete(&path).await.status / 100, 2);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    tokio::time::sleep(Duration::from_millis(5_200).saturating_sub(began.elapsed())).await;
    ground.release();
    let refused = slow.await.unwrap().refused("TESSERA-400-001").to_string();
    assert!(refused.contains("nothing was written"), "{refused}");
    assert!(!exists(&mia, "Connection", "default/x/1").await);
    assert!(!exists(&admin, "Connection", "default/x/2").await);
}
