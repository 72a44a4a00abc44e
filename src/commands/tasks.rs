//! The background tasks of a server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::oneshot;
use tokio::time::{Interval, MissedTickBehavior};

use super::explain;
use super::started::Started;
use crate::http::state::State;
use crate::service::Service;
use crate::service::children::signing_keys;
use crate::service::upkeep::follow::FOLLOW_EVERY;
use crate::service::upkeep::maintenance::{self, Unsaved};
use crate::service::upkeep::time;

/// Starts the tasks that end with the process.
pub(super) fn start(service: &Service, state: &web::Data<State>) {
    rt::spawn(synchronise_time(service.clone()));
    rt::spawn(save_uses(service.clone()));
    rt::spawn(forget_ended(service.clone()));
    rt::spawn(synchronise_signing_keys(service.clone()));
    rt::spawn(summarise_log(state.clone()));
}

/// A task's ticks. After a pause, as when the machine has slept, there is one tick and not all that were missed.
pub(super) fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Listens to the other nodes, on a thread of its own. Without it, as behind a proxy that does not support that, their
/// changes are read with the next look.
pub(super) fn listen_to_nodes(service: &Service) -> std::io::Result<()> {
    let service = service.clone();
    let listening = move || {
        loop {
            match service.database.listen(|by| service.nodes.wake(by)) {
                Ok(()) => return,
                Err(error) => tracing::debug!(error = explain(error), "cannot listen to the other nodes"),
            }
            std::thread::sleep(LISTEN_AGAIN);
        }
    };
    std::thread::Builder::new().name("listen".to_owned()).spawn(listening).map(drop)
}

/// The pause after a failure before this node listens again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Follows the changes until `stopped`, and once more then.
pub(super) async fn follow(mut started: Started, state: web::Data<State>, mut stopped: oneshot::Receiver<()>) {
    let mut ticks = every(FOLLOW_EVERY);
    let nodes = Arc::clone(&started.service.nodes);
    let mut goes_on = true;
    while goes_on {
        goes_on = tokio::select! {
            _ = &mut stopped => false,
            _ = ticks.tick() => true,
            () = nodes.woken() => true,
        };
        if let Err(error) = started.follow().await
            && state.log_bounds.admit("cannot follow", Instant::now())
        {
            tracing::error!(error, "cannot follow the changes; nothing in memory is used");
        }
    }
}

async fn synchronise_time(service: Service) {
    let mut ticks = every(time::SYNCHRONISE_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = time::synchronise(&service).await {
            tracing::error!(error = explain(error), "cannot keep the latest time");
        }
    }
}

async fn save_uses(service: Service) {
    let mut ticks = every(maintenance::SAVE_USES_EVERY);
    loop {
        ticks.tick().await;
        loop {
            let started = Instant::now();
            match maintenance::save_some_uses(&service).await {
                Ok(Unsaved::Some) => tokio::time::sleep(started.elapsed() * maintenance::PAUSES_BETWEEN_SAVES).await,
                Ok(Unsaved::None) => break,
                Err(error) => {
                    tracing::error!(error = explain(error), "cannot save when keys were last used");
                    break;
                }
            }
        }
    }
}

async fn forget_ended(service: Service) {
    let mut ticks = every(maintenance::FORGET_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = maintenance::forget_ended(&service).await {
            tracing::error!(error = explain(error), "cannot remove ended sessions");
        }
    }
}

async fn synchronise_signing_keys(service: Service) {
    let mut ticks = every(signing_keys::SYNCHRONISE_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = signing_keys::synchronise(&service).await {
            tracing::error!(error = explain(error), "cannot read the signing keys");
        }
    }
}

async fn summarise_log(state: web::Data<State>) {
    let mut ticks = every(Duration::from_mins(1));
    loop {
        ticks.tick().await;
        state.log_bounds.summarise(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn ticks_that_were_missed_are_not_made_up_for() {
        let mut ticks = every(Duration::from_millis(20));
        ticks.tick().await;
        std::thread::sleep(Duration::from_millis(500));
        let began = Instant::now();
        for _ in 0..4 {
            ticks.tick().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(40), "{:?}", began.elapsed());
    }
}
