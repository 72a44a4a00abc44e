//! A TCP proxy in front of a real database server, which can fail as networks and hosts do.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

/// How a server fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It works.
    None,
    /// Connections break, also new ones at once.
    Gone,
    /// Everything is acknowledged and nothing is answered, as by a host whose processes are stopped.
    Hanging,
}

const POLL: Duration = Duration::from_millis(5);

/// A proxy; it ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    failure: AtomicU8,
    ended: AtomicBool,
}

impl State {
    fn failure(&self) -> Failure {
        [Failure::None, Failure::Gone, Failure::Hanging][usize::from(self.failure.load(Ordering::SeqCst))]
    }

    fn breaks(&self) -> bool {
        self.ended.load(Ordering::SeqCst) || self.failure() == Failure::Gone
    }
}

impl Proxy {
    /// A proxy in front of the server at `place`: a host and a port.
    pub fn before(place: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State { failure: AtomicU8::new(0), ended: AtomicBool::new(false) });
        let proxy = Self { address: listener.local_addr().unwrap(), state: Arc::clone(&state) };
        let place = place.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if state.ended.load(Ordering::SeqCst) {
                    return;
                }
                if state.failure() == Failure::Gone {
                    continue;
                }
                let server = TcpStream::connect(&place).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = Arc::clone(&state);
                    thread::spawn(move || pump(from, to, &state));
                }
            }
        });
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn fail(&self, failure: Failure) {
        self.state.failure.store(failure as u8, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // The listener waits for a connection.
        drop(TcpStream::connect(self.address));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, state: &State) {
    from.set_read_timeout(Some(POLL)).unwrap();
    let mut bytes = [0; 16_384];
    loop {
        let read = from.read(&mut bytes);
        while state.failure() == Failure::Hanging && !state.breaks() {
            thread::sleep(POLL);
        }
        let count = match read {
            _ if state.breaks() => break,
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
