//! Limits how many credentials that are not in memory are looked up at once, with a bounded queue that is fair per
//! party.

use std::time::Duration;

use crate::domain::error::{Error, Result};
use crate::domain::party::Party;
use crate::queue::{Permit, Queue, Rules, Urgency};

/// The queue of look-ups.
pub struct LookUps(Queue<Party>);

/// How long a look-up waits at most.
const MAX_WAIT: Duration = Duration::from_secs(8);

impl LookUps {
    /// `at_once` look-ups run and `waiting` wait: more than the connection pool has would each hold a thread. One place
    /// is always left for another party.
    #[must_use]
    pub fn new(waiting: usize, at_once: usize) -> Self {
        let places_of_one = at_once.saturating_sub(1).max(1);
        Self(Queue::new(Rules {
            places: at_once,
            places_of_one,
            places_of_others: at_once,
            waiting,
            waiting_of_one: waiting,
            waiting_of_others: waiting,
            max_wait: MAX_WAIT,
        }))
    }

    /// How many look-ups run or wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.under_way() + self.0.waiting()
    }

    /// Waits for the turn of one look-up.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when the queue is full and no other party has more look-ups in it, or after eight seconds.
    pub(in crate::service) async fn turn(&self, party: Party) -> Result<Permit<Party>> {
        self.0.enter(party, Urgency::InTurn).await.ok_or(Error::Overloaded)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::{IpAddr, Ipv4Addr};
    use std::rc::Rc;

    use futures_util::future::join_all;
    use futures_util::poll;

    use super::*;
    use crate::domain::network::Network;

    fn stranger(number: u8) -> Party {
        Party::Network(Network::of(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)))))
    }

    #[actix_web::test]
    async fn a_few_networks_that_fill_the_queue_keep_no_other_out() {
        let look_ups = Rc::new(LookUps::new(16, 1));
        let held = look_ups.turn(stranger(0)).await.unwrap();
        let served = Rc::new(RefCell::new(Vec::new()));
        let parties = (0..80).map(|number| number % 4).chain([9]);
        let asking = parties.map(|number| {
            let (look_ups, served) = (Rc::clone(&look_ups), Rc::clone(&served));
            async move {
                if let Ok(_turn) = look_ups.turn(stranger(number)).await {
                    served.borrow_mut().push(number);
                }
            }
        });
        let mut asking = Box::pin(join_all(asking));
        assert!(poll!(&mut asking).is_pending());
        drop(held);
        asking.await;
        let served = served.borrow();
        assert_eq!(served.len(), 16, "as many as can wait");
        assert!(served[..5].contains(&9), "after one of each network at most: {served:?}");
    }
}
