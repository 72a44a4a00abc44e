//! Fair queues: which request waits for which when database connections are scarce.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use actix_web::rt::time::{sleep, timeout};
use futures_util::future::{join, join_all};
use futures_util::join;
use serde_json::json;
use tessera::domain::permission::Permission;
use tessera::storage::database::Lane;

use crate::given_up::Lock;
use crate::support::{Answer, App, Client, Holder};

#[actix_web::test]
async fn one_actor_that_writes_much_delays_neither_revocations_nor_the_writes_of_others() {
    let app = App::start().await;
    let (admin, honest) = (app.admin().await, app.key_with(&[Permission::ManageApiKeys]).await);
    let greedy = app.key_with(&[Permission::ManageApiKeys]).await;
    let doomed = admin.create("doomed").await;
    for client in [&admin, &honest.client, &greedy.client] {
        client.whoami().await.ok();
    }
    let lock = Lock::of(&app);
    let order = RefCell::new(Vec::new());
    let crowd = join_all((0..30).map(|number| {
        let (greedy, order) = (&greedy, &order);
        async move {
            greedy.create(&format!("key {number}")).await;
            order.borrow_mut().push("greedy");
        }
    }));
    let late = async {
        sleep(Duration::from_millis(200)).await;
        let create = async {
            honest.create("one").await;
            order.borrow_mut().push("honest");
        };
        let revoke = async {
            admin.delete_key(doomed["id"].as_str().unwrap()).await.ok();
            order.borrow_mut().push("revoked");
        };
        let release = async {
            sleep(Duration::from_millis(300)).await;
            lock.release();
        };
        join!(create, revoke, release);
    };
    join(crowd, late).await;
    let place = |name: &str| order.borrow().iter().position(|each| *each == name).unwrap();
    assert!(place("revoked") < 6 && place("honest") < 8, "{:?}", order.borrow());
}

/// A batch of evaluations of a key about itself.
async fn evaluate(client: &Client, key: &Holder, count: usize) -> Answer {
    let body = json!({
        "subject": {"type": "api_token", "id": format!("service-account-apikey-{}", key.id)},
        "action": {"name": "persona-asset-read"},
        "resource": {"type": "Table", "id": "default/x"},
        "evaluations": vec![json!({}); count],
    });
    client.post("/access/v1/evaluations", &body).await
}

#[actix_web::test]
async fn the_evaluations_of_one_actor_leave_connections_to_others() {
    let app = App::start().await;
    let greedy = app.key_with(&[]).await;
    let modest = app.key_with(&[Permission::ManageApiKeys]).await;
    modest.keys(&[]).await.ok();
    let answered = Cell::new(0);
    let batches = join_all((0..64).map(|_| async {
        // Requests beyond one actor's limit are refused at once.
        match evaluate(&greedy, &greedy, 200).await.status {
            200 => answered.set(answered.get() + 1),
            status => assert_eq!(status, 429),
        }
    }));
    let other = async {
        modest.keys(&[]).await.ok();
        answered.get()
    };
    let (_, before) = join(batches, other).await;
    assert!(before < 8, "it waited for {before} of {} batches of another actor", answered.get());
    assert!(answered.get() >= 8);
}

#[actix_web::test]
async fn a_batch_that_nobody_waits_for_any_more_ends() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let began = Instant::now();
    evaluate(&key, &key, 1000).await.ok();
    let whole = began.elapsed();
    let all = app.service.database.lane_permits(Lane::Reads).available_permits();
    let mut lingered = Vec::new();
    for _ in 0..3 {
        assert!(timeout(whole / 4, evaluate(&key, &key, 1000)).await.is_err());
        let gone = Instant::now();
        while app.service.database.lane_permits(Lane::Reads).available_permits() < all {
            sleep(Duration::from_millis(1)).await;
        }
        lingered.push(gone.elapsed());
    }
    assert!(lingered.iter().any(|time| *time < whole / 4), "{lingered:?} of {whole:?}");
}
