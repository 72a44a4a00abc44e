//! The statements that the application sends to the database of one test, without their parameters.

use std::collections::HashMap;
use std::sync::{Mutex, Once};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

/// The statements sent to each watched database, by a part of its URL.
static WATCHED: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// What one connection sends, and to which database.
#[derive(Default)]
struct Witness {
    url: String,
}

impl Instrumentation for Witness {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => url.clone_into(&mut self.url),
            InstrumentationEvent::StartQuery { query, .. } => {
                let mut watched = WATCHED.lock().unwrap();
                let sent = watched.iter_mut().flatten().find(|(place, _)| self.url.contains(place.as_str()));
                if let Some((_, sent)) = sent {
                    let query = query.to_string();
                    sent.push(query.split(" -- binds: ").next().unwrap_or_default().to_owned());
                }
            }
            _ => {}
        }
    }
}

/// Records the statements of every connection opened from now on; called once for all tests.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| set_default_instrumentation(|| Some(Box::<Witness>::default())).unwrap());
}

/// The statements that are sent to a database while `work` runs; `place` is a part of the URL that no other has.
pub async fn sent_to<T>(place: &str, work: impl Future<Output = T>) -> (T, Vec<String>) {
    WATCHED.lock().unwrap().get_or_insert_default().insert(place.to_owned(), Vec::new());
    let outcome = work.await;
    let sent = WATCHED.lock().unwrap().as_mut().and_then(|watched| watched.remove(place));
    (outcome, sent.unwrap_or_default())
}
