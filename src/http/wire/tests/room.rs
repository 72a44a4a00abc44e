//! Tests of slow clients, and of connections that close to make room for others.

use super::*;

fn limited(limits: ConnectionLimits, pace: Pace) -> (Running, Arc<Connections>) {
    let connections = Connections::new(limits);
    let kept = Arc::clone(&connections);
    (
        Running::with(ServerSettings {
            workers: 1,
            stop: Stop::ByHandle,
            pace,
            connections,
            ..ServerSettings::default()
        }),
        kept,
    )
}

#[test]
fn every_head_is_timed_and_the_answer_before_it_is_still_given() {
    let second = Duration::from_secs(1);
    let (server, _) = limited(ConnectionLimits::default(), Pace { head: second, unknown: second, ..Pace::default() });
    let mut second = server.connect();
    assert_eq!(ask(&mut second, PLAIN), (200, PLAIN_READ.into()));
    second.write_all(b"GET / HTTP/1.1\r\nHos").unwrap();
    assert!(is_closed(&mut second));
    // A head that trickles in steadily times out all the same, and so does one that is not HTTP/1.
    for beginning in ["GET / HTTP/1.1\r\nX: ", "x"] {
        let mut trickling = server.connect();
        assert_eq!(ask(&mut trickling, PLAIN), (200, PLAIN_READ.into()));
        trickling.write_all(beginning.as_bytes()).unwrap();
        let began = Instant::now();
        while trickling.write_all(b"x").is_ok() && began.elapsed() < Duration::from_secs(8) {
            thread::sleep(Duration::from_millis(100));
        }
        assert!(began.elapsed() < Duration::from_secs(8), "{beginning:?}");
    }
    server.stop();
}

#[test]
fn a_body_must_keep_pace_and_so_must_one_that_is_not_followed() {
    let short = Duration::from_millis(600);
    let pace = Pace { body: short, unknown: short, bytes_per_second: 1_000_000, ..Pace::default() };
    let (server, _) = limited(ConnectionLimits::default(), pace);
    for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let mut client = server.connect();
        client.write_all(format!("POST / HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n1").as_bytes()).unwrap();
        let (mut rest, began) = (Vec::new(), Instant::now());
        client.read_to_end(&mut rest).unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 200") && began.elapsed() < Duration::from_secs(8), "{framing}");
    }
    server.stop();
}

#[test]
fn an_idle_connection_makes_room_and_one_in_use_does_not() {
    let limits = ConnectionLimits { total: 2, each: 2, ..ConnectionLimits::default() };
    let (server, connections) = limited(limits, Pace::default());
    let mut busy = server.connect();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    thread::sleep(Duration::from_millis(100));
    let mut idle = server.connect();
    assert_eq!(ask(&mut idle, PLAIN), (200, PLAIN_READ.into()));
    let mut new = server.connect();
    assert_eq!(ask(&mut new, PLAIN), (200, PLAIN_READ.into()));
    assert!(is_closed(&mut idle));
    assert_eq!(response(&mut busy), (200, "slow".into()));
    assert_eq!(connections.count(), 2);
    server.stop();
}

#[test]
fn many_connections_that_send_nothing_or_half_a_head_keep_nobody_out() {
    let limits = ConnectionLimits { total: 40, each: 20, ..ConnectionLimits::default() };
    let (server, connections) = limited(limits, Pace::default());
    let silent: Vec<Client> = (0..100)
        .map(|number| {
            let mut client = server.connect();
            if number % 2 == 0 {
                let _ = client.write_all(b"GET / HTTP/1.1\r\nHos");
            }
            client
        })
        .collect();
    for _ in 0..10 {
        assert_eq!(ask(&mut server.connect(), PLAIN), (200, PLAIN_READ.into()));
    }
    assert!(connections.count() <= 20);
    drop(silent);
    server.stop();
}

/// A client that requests a large response again and again and reads nothing.
fn greedy(server: &Running) -> Client {
    let mut client = server.connect();
    client.write_all("GET /large HTTP/1.1\r\nHost: x\r\n\r\n".repeat(16).as_bytes()).unwrap();
    client
}

#[test]
fn connections_whose_answers_nobody_takes_end_at_once_for_others() {
    let limits = ConnectionLimits { total: 20, each: 20, ..ConnectionLimits::default() };
    let (server, connections) = limited(limits, Pace::default());
    let greedy: Vec<Client> = (0..100)
        .map(|_| {
            let client = greedy(&server);
            assert_eq!(ask(&mut server.connect(), PLAIN), (200, PLAIN_READ.into()));
            client
        })
        .collect();
    for mut client in greedy.into_iter().take(50) {
        let (mut taken, mut room) = (0, vec![0; 1 << 16]);
        while let Ok(count @ 1..) = client.read(&mut room) {
            taken += count;
        }
        assert!(taken < 16 * LARGE, "what waited was dropped");
    }
    assert!(connections.count() <= 20);
    server.stop();
}

#[test]
fn a_client_that_takes_a_few_bytes_now_and_then_is_slow() {
    let answer = Duration::from_millis(600);
    let pace = Pace { answer, answer_bytes_per_second: 1 << 30, ..Pace::default() };
    let (server, connections) = limited(ConnectionLimits::default(), pace);
    let mut client = greedy(&server);
    let began = Instant::now();
    while connections.count() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    while connections.count() > 0 {
        assert!(began.elapsed() < Duration::from_secs(8));
        let _ = client.read(&mut [0; 4096]);
        thread::sleep(Duration::from_millis(20));
    }
    server.stop();
}
