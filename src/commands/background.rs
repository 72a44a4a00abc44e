//! The background work of a node, besides following changes and the log.

use std::time::{Duration, Instant};

use actix_web::web;
use tokio::time::{Interval, MissedTickBehavior};

use super::explain;
use crate::http::state::State;
use crate::service::Service;
use crate::service::children::signing_keys;
use crate::service::upkeep::maintenance::{self, Unsaved};
use crate::service::upkeep::time;

/// Starts the work.
pub(super) fn spawn(state: &web::Data<State>) {
    let service = &state.service;
    actix_web::rt::spawn(synchronise_time(service.clone()));
    actix_web::rt::spawn(save_uses(service.clone()));
    actix_web::rt::spawn(forget_ended(service.clone()));
    actix_web::rt::spawn(synchronise_signing_keys(service.clone()));
    actix_web::rt::spawn(summarise_log(state.clone()));
}

/// A task's ticks. After a pause, as when the machine has slept, there is one tick and not all that were missed.
pub(super) fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
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
