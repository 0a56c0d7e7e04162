//! Every limit of the gateway (attack case E06): one below, at it, one above, ten times.

use base::limits::{
    NEARBY_ADDRESSES_MAX, NEARBY_CALLERS_MAX, NEARBY_CONNECT_TIME_MAX, NEARBY_HEADER_TIME_MAX, NEARBY_LOOKS_BURST_MAX,
    NEARBY_LOOKS_MAX, NEARBY_MAX, NEARBY_PER_ADDRESS_MAX, NEARBY_REQUEST_ID_BYTES_MAX, NEARBY_STRANGERS_MAX,
    NEARBY_STRANGERS_PER_ADDRESS_MAX, NEARBY_STREAMS_MAX, NEARBY_STREAMS_PER_ADDRESS_MAX, NEARBY_WAIT_MAX,
    NEARBY_WAITING_BYTES_MAX, NEARBY_WAITING_MAX, NEARBY_WORD_EVERY, NEARBY_WORDS_BURST_MAX,
    UNAUTHENTICATED_STANZA_BYTES_MAX,
};

use super::*;

fn around(limit: usize) -> [(usize, usize); 4] {
    [(limit - 1, limit - 1), (limit, limit), (limit + 1, limit), (10 * limit, limit)]
}

fn address(number: usize) -> String {
    format!("10.0.0.{}", 2 + number % 250)
}

#[test]
fn e06_so_many_people_are_shown() {
    for (come, expect) in around(NEARBY_MAX) {
        let mut bench = Bench::new();
        for n in 0..come {
            bench.see(&format!("p{n}"), &[&format!("{}:{}", address(n), 1 + n)], &[]);
        }
        assert_eq!(bench.gateway.peers.len(), expect, "{come}");
    }
    // Whoever was heard keeps their place.
    let mut bench = Bench::with_romeo();
    bench.call(1, "10.0.0.2:9");
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    for n in 0..2 * NEARBY_MAX {
        bench.see(&format!("p{n}"), &[&format!("{}:{}", address(n), 1 + n)], &[]);
    }
    assert!(bench.gateway.peers.contains_key("romeo@forza"));
}

#[test]
fn e06_so_many_share_an_address() {
    for (come, expect) in around(NEARBY_PER_ADDRESS_MAX) {
        let mut bench = Bench::new();
        for n in 0..come {
            bench.see(&format!("p{n}"), &[&format!("10.0.0.2:{}", 1 + n)], &[]);
        }
        assert_eq!(bench.gateway.peers.len(), expect, "{come}");
        assert_eq!(bench.gateway.tally().skipped, (come - expect) as u64);
    }
}

#[test]
fn so_many_addresses_are_tried() {
    for (come, expect) in around(NEARBY_ADDRESSES_MAX) {
        let mut bench = Bench::new();
        let all: Vec<_> = (0..come).map(|n| format!("{}:7", address(n))).collect();
        bench.see("romeo@forza", &all.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        assert_eq!(bench.gateway.peers["romeo@forza"].addresses().len(), expect, "{come}");
    }
}

/// Somebody is announced, and answers if it is looked whether they are there.
fn appear(bench: &mut Bench, instance: &str, address: &str) {
    for line in bench.see(instance, &[&format!("{address}:7")], &[]) {
        let look = line.strip_prefix("connect Out(").and_then(|rest| rest.split(')').next()?.parse().ok());
        if let Some(look) = look {
            bench.give(Input::Connected { stream: StreamId::Out(look) });
        }
    }
}

/// So many call, of whom it is known who they are or not; how many are taken.
fn callers(bench: &mut Bench, come: usize, address: impl Fn(usize) -> String, known: bool) -> usize {
    let taken = |n: &usize| {
        let (number, ip, instance) = (1 + *n as u64, address(*n), format!("caller{n}"));
        if known {
            appear(bench, &instance, &ip);
        }
        let taken = bench.call(number, &format!("{ip}:9")).is_empty();
        if known && taken {
            bench.bytes(StreamId::In(number), &header(&instance, "lisa@laptop"));
        }
        taken
    };
    (0..come).filter(taken).count()
}

#[test]
fn e09_so_many_call() {
    let one = |_: usize| "10.0.0.2".to_owned();
    for (come, expect) in around(NEARBY_STRANGERS_PER_ADDRESS_MAX) {
        assert_eq!(callers(&mut Bench::new(), come, one, false), expect, "{come}");
    }
    for (come, expect) in around(NEARBY_STRANGERS_MAX) {
        assert_eq!(callers(&mut Bench::new(), come, address, false), expect, "{come}");
    }
    for (come, expect) in around(NEARBY_CALLERS_MAX) {
        let there = come.min(NEARBY_MAX);
        assert_eq!(callers(&mut Bench::new(), there, address, true), expect, "{come}");
    }
    for (come, expect) in around(NEARBY_STREAMS_PER_ADDRESS_MAX) {
        let mut bench = Bench::with_romeo();
        let taken = |n: &u64| {
            let taken = bench.call(*n, "10.0.0.2:9").is_empty();
            if taken {
                bench.bytes(StreamId::In(*n), &header("romeo@forza", "lisa@laptop"));
            }
            taken
        };
        assert_eq!((1..=come as u64).filter(taken).count(), expect, "{come}");
    }
}

#[test]
fn e09_however_many_call_ours_can() {
    let rest = NEARBY_STREAMS_MAX - NEARBY_CALLERS_MAX;
    for (come, expect) in [(rest - 1, rest - 1), (rest, rest), (rest + 1, rest), (4 * rest, rest)] {
        let mut bench = Bench::new();
        assert_eq!(callers(&mut bench, NEARBY_MAX - 4 * rest, address, true), NEARBY_CALLERS_MAX);
        let calls = |n: &usize| {
            let instance = format!("friend{n}");
            appear(&mut bench, &instance, &address(NEARBY_MAX + n));
            bench.say(&instance, "1", "hi").iter().any(|line| line.starts_with("connect"))
        };
        assert_eq!((0..come).filter(calls).count(), expect, "{come}");
    }
}

#[test]
fn so_long_it_may_take() {
    let end = Duration::from_micros(1);
    // A caller says who they are, and who is called answers.
    let mut bench = Bench::with_romeo();
    bench.call(1, "10.0.0.2:9");
    assert_eq!(bench.pass((NEARBY_HEADER_TIME_MAX - end).as_secs_f64()), [""; 0]);
    assert_eq!(bench.pass(end.as_secs_f64()), ["close In(1)"]);
    let mut bench = Bench::with_romeo();
    bench.say("romeo\\40forza", "1", "hi");
    assert_eq!(bench.pass((NEARBY_CONNECT_TIME_MAX - end).as_secs_f64()), [""; 0]);
    assert_eq!(bench.pass(end.as_secs_f64())[0], "close Out(1)");
    // Words wait for a stream.
    let mut bench = Bench::with_romeo();
    let mut came_back = Vec::new();
    let mut all = bench.say("romeo\\40forza", "1", "hi");
    let mut waited = Duration::ZERO;
    while waited < NEARBY_WAIT_MAX {
        came_back.extend(all.iter().filter(|line| line.contains("type='error'")).map(|_| waited));
        let calls = all.iter().filter_map(|line| line.strip_prefix("connect Out(")?.split(')').next()?.parse().ok());
        let calls: Vec<u64> = calls.collect();
        // He lets us in and hangs up.
        all = calls
            .into_iter()
            .flat_map(|n| {
                let mut more = bench.give(Input::Connected { stream: StreamId::Out(n) });
                more.extend(bench.end(StreamId::Out(n), End::Closed));
                more
            })
            .collect();
        if all.is_empty() {
            all = bench.pass(0.5);
            waited += Duration::from_millis(500);
        }
    }
    all.extend(bench.pass(1.0));
    came_back.extend(all.iter().filter(|line| line.contains("type='error'")).map(|_| waited));
    assert_eq!(came_back, [NEARBY_WAIT_MAX], "once, and not before");
}

#[test]
fn so_much_waits() {
    for (come, expect) in around(NEARBY_WAITING_MAX) {
        let mut bench = Bench::with_romeo();
        let refused = (0..come).filter(|_| bench.say("romeo\\40forza", "1", "hi").join("").contains("resource-con"));
        assert_eq!(come - refused.count(), expect);
    }
    let most = NEARBY_WAITING_BYTES_MAX;
    for (bytes, fits) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
        let mut bench = Bench::with_romeo();
        // What a shard takes from its clients is shorter: as if it had waited already.
        bench.gateway.waiting_bytes = bytes - 2;
        let refused = bench.say("romeo\\40forza", "1", "hi").join("").contains("resource-constraint");
        assert_eq!(!refused, fits, "{bytes}");
    }
}

#[test]
fn so_fast_words_are_taken() {
    for (come, expect) in around(NEARBY_WORDS_BURST_MAX as usize) {
        let mut bench = Bench::with_romeo();
        bench.call(1, "10.0.0.2:9");
        bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
        let heard = (0..come).filter(|_| bench.bytes(IN1, &message("hi")).join("").contains("<body>"));
        assert_eq!(heard.count(), expect);
        // Then he is hung up on; what he says later is taken at the pace of a person.
        bench.pass(NEARBY_WORD_EVERY.as_secs_f64());
        bench.call(2, "10.0.0.2:9");
        bench.bytes(IN2, &header("romeo@forza", "lisa@laptop"));
        assert_eq!(bench.bytes(IN2, &message("hi")).len(), 1);
    }
    // Who goes and comes again, or has another name, has no more.
    let mut bench = Bench::with_romeo();
    bench.call(1, "10.0.0.2:9");
    bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
    for _ in 0..NEARBY_WORDS_BURST_MAX {
        bench.bytes(IN1, &message("hi"));
    }
    bench.give(Input::Left { network: NETWORK });
    for (number, name) in [(2, "romeo@forza"), (3, "benvolio@forza")] {
        bench.meet(name, &[ROMEO], &[]);
        bench.call(number, "10.0.0.2:9");
        bench.bytes(StreamId::In(number), &header(name, "lisa@laptop"));
        let more = bench.bytes(StreamId::In(number), &message("hi"));
        assert_eq!(more, [format!("In({number}) </stream:stream>"), format!("close In({number})")]);
    }
}

#[test]
fn so_many_requests_are_answered() {
    let request = |id: &str| format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>");
    let most = NEARBY_REQUEST_ID_BYTES_MAX;
    for (bytes, answered) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
        let mut bench = Bench::with_romeo();
        bench.call(1, "10.0.0.2:9");
        bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
        assert_eq!(!bench.bytes(IN1, &request(&"x".repeat(bytes))).is_empty(), answered, "{bytes}");
    }
    for (come, expect) in around(NEARBY_WORDS_BURST_MAX as usize) {
        let mut bench = Bench::with_romeo();
        bench.call(1, "10.0.0.2:9");
        bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
        let answers = (0..come).filter(|_| bench.bytes(IN1, &request("1")).join("").contains("<iq "));
        assert_eq!(answers.count(), expect);
    }
}

#[test]
fn e08_so_many_looks_at_once() {
    for (come, expect) in around(NEARBY_LOOKS_MAX) {
        let mut bench = Bench::with_romeo();
        for n in 0..come {
            bench.see(&format!("p{n}"), &[&format!("{}:7", address(n + 1))], &[]);
        }
        let looks: Vec<_> = bench.gateway.streams.keys().copied().collect();
        assert_eq!(looks.len(), expect, "{come}");
        assert!(bench.gateway.wake_at().is_some_and(|due| due > bench.now));
        // There is room for who is there.
        assert!(bench.say("romeo\\40forza", "1", "hi")[0].starts_with("connect"));
        // One that is over makes room for the next one.
        let next = bench.end(looks[0], End::Failed).len();
        assert_eq!(next, usize::from(come > expect));
    }
}

#[test]
fn e08_so_many_looks_at_one_address() {
    let most = NEARBY_LOOKS_BURST_MAX as usize;
    for (come, expect) in around(most) {
        let mut bench = Bench::new();
        let mut looks = 0;
        for n in 0..come {
            // A new name each time, at another port.
            looks += bench.see(&format!("p{n}"), &[&format!("10.0.0.2:{}", 1 + n)], &[]).len();
            bench.give(Input::Gone { network: NETWORK, instance: &format!("p{n}") });
        }
        assert_eq!(looks, expect, "{come}");
    }
}

#[test]
fn a_stranger_holds_little() {
    let most = UNAUTHENTICATED_STANZA_BYTES_MAX;
    for (bytes, fits) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
        let mut bench = Bench::new();
        bench.call(1, "10.0.0.2:9");
        bench.bytes(IN1, &header("romeo@forza", "lisa@laptop"));
        let held = bench.bytes(IN1, &" ".repeat(bytes));
        assert_eq!(held.is_empty(), fits, "{bytes}");
    }
}
