//! Several nodes on a bus in memory, with a clock that is turned by hand.

use super::*;
use crate::message::Selection;

/// A bus that delivers at once, in order, to all who listen; and its nodes.
struct World {
    nodes: Vec<Node>,
    heard: Vec<Vec<String>>,
    prefixes: Vec<Vec<String>>,
    /// What each node was given to do, without publications and subscriptions.
    done: Vec<Vec<Output>>,
    now: Time,
}

impl World {
    fn new(bus: &Bus, count: usize) -> Self {
        let nodes = (0..count).map(|n| Node::new(format!("node{n}"), bus.clone(), 0)).collect();
        let empty = || vec![Vec::new(); count];
        let done = (0..count).map(|_| Vec::new()).collect();
        let mut world = Self { nodes, heard: empty(), prefixes: empty(), done, now: 0 };
        for n in 0..count {
            world.nodes[n].open_namespace("/");
        }
        world.run();
        world
    }

    fn run(&mut self) {
        while let Some((n, output)) = self.next() {
            match output {
                Output::Publish(publication) => self.deliver(&publication),
                Output::Subscribe(channels) => self.heard[n].extend(channels),
                Output::SubscribePrefix(prefix) => self.prefixes[n].push(prefix),
                Output::Unsubscribe(channels) => {
                    self.heard[n].retain(|channel| !channels.contains(channel));
                }
                Output::Count { channel, request } => {
                    let count = self.heard.iter().filter(|heard| heard.contains(&channel)).count();
                    self.nodes[n].counted(&request, count);
                }
                output => self.done[n].push(output),
            }
        }
    }

    fn next(&mut self) -> Option<(usize, Output)> {
        let mut nodes = self.nodes.iter_mut().enumerate();
        nodes.find_map(|(n, node)| Some((n, node.poll_output()?)))
    }

    fn deliver(&mut self, publication: &Publication) {
        for (n, node) in self.nodes.iter_mut().enumerate() {
            let channel = &publication.channel;
            let hears = self.heard[n].contains(channel)
                || self.prefixes[n].iter().any(|prefix| channel.starts_with(prefix));
            if hears {
                node.received(channel, &publication.body);
            }
        }
    }

    fn pass(&mut self, millis: Time) {
        self.now += millis;
        for node in &mut self.nodes {
            if node.poll_timeout().is_some_and(|due| due <= self.now) {
                node.handle_timeout(self.now);
            }
        }
        self.run();
    }

    /// Answers every question with one sid that is the node's name.
    fn answer_questions(&mut self) {
        for n in 0..self.nodes.len() {
            for output in std::mem::take(&mut self.done[n]) {
                if let Output::Local(Local::Question { reply, .. }) = output {
                    let json = format!("[\"{}\"]", self.nodes[n].name());
                    self.nodes[n].answer(&reply, Answer::Sockets(EventData::text(json)));
                } else {
                    self.done[n].push(output);
                }
            }
        }
        self.run();
    }

    fn outcomes(&mut self, n: usize) -> Vec<Outcome> {
        let outputs = std::mem::take(&mut self.done[n]);
        let outcomes = outputs.into_iter().map(|output| match output {
            Output::Done(outcome) => outcome,
            other => panic!("{other:?}"),
        });
        outcomes.collect()
    }
}

fn buses() -> [Bus; 4] {
    let prefix = || "socket.io".to_owned();
    [
        Bus::Python { channel: "socketio".into() },
        Bus::Classic { prefix: prefix() },
        Bus::Sharded { prefix: prefix() },
        Bus::Postgres { prefix: prefix() },
    ]
}

fn emit(rooms: &[&str]) -> Emit {
    let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
    let to = Selection { rooms, except: Vec::new() };
    Emit { event: EventData::text("[\"a\",1]"), to, ..Emit::default() }
}

#[test]
fn an_emit_reaches_each_other_node_once() {
    for bus in buses() {
        for rooms in [&[][..], &["room"], &["room", "other"], &["abcdefghij0123456789"]] {
            let mut world = World::new(&bus, 3);
            for node in &mut world.nodes {
                node.open_room("/", "room");
            }
            world.run();
            world.nodes[0].publish("/", &Message::Emit(emit(rooms))).unwrap();
            world.run();
            assert!(world.done[0].is_empty(), "{bus:?}: {:?}", world.done[0]);
            for n in 1..3 {
                let [Output::Local(Local::Emit { emit: found, from, .. })] = &world.done[n][..]
                else {
                    panic!("{bus:?} {rooms:?}: {:?}", world.done[n]);
                };
                assert_eq!((found, from.as_str()), (&emit(rooms), "node0"));
            }
        }
    }
}

#[test]
fn nodes_on_both_buses_hear_each_other_on_nodes_only() {
    let names = ["both.a", "both.b", "python"];
    for (bus, expected) in [(&buses()[0], [false, false, true]), (&buses()[1], [false, true, true])]
    {
        let mut world = World::new(bus, 3);
        for (n, name) in names.into_iter().enumerate() {
            world.nodes[n] = Node::new(name, bus.clone(), 0);
            world.nodes[n].open_namespace("/");
        }
        world.run();
        world.nodes[0].publish("/", &Message::Emit(emit(&[]))).unwrap();
        world.run();
        let heard: Vec<_> = world.done.iter().map(|done| !done.is_empty()).collect();
        assert_eq!(heard, expected, "{bus:?}");
    }
}

#[test]
fn a_room_without_members_here_is_not_heard() {
    let mut world = World::new(&Bus::Sharded { prefix: "socket.io".into() }, 2);
    world.nodes[1].open_room("/", "room");
    world.nodes[1].close_room("/", "room");
    world.run();
    world.nodes[0].publish("/", &Message::Emit(emit(&["room"]))).unwrap();
    world.run();
    assert!(world.done[1].is_empty());
}

#[test]
fn a_change_acts_on_each_other_node_once() {
    for bus in buses().into_iter().skip(1) {
        let mut world = World::new(&bus, 2);
        let who = Selection { rooms: vec!["a".into()], except: vec![] };
        let message = Message::Join { who, rooms: vec!["b".into()] };
        world.nodes[0].publish("/", &message).unwrap();
        world.run();
        let change = vec![Output::Local(Local::Change { namespace: "/".into(), message })];
        assert_eq!((&world.done[0], &world.done[1]), (&Vec::new(), &change), "{bus:?}");
    }
}

#[test]
fn a_request_has_the_answers_of_all_others() {
    for bus in buses().into_iter().skip(1) {
        let mut world = World::new(&bus, 3);
        world.nodes[0].request(7, "/", Request::FetchSockets(Selection::default()), 5_000).unwrap();
        world.run();
        assert!(world.done[0].is_empty());
        world.answer_questions();
        let [outcome] = &world.outcomes(0)[..] else { panic!("{bus:?}") };
        let mut found: Vec<_> = outcome
            .answers
            .iter()
            .map(|answer| match answer {
                Answer::Sockets(sockets) => sockets.json.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        found.sort_unstable();
        assert_eq!(
            (outcome.token, found, outcome.missing),
            (7, vec!["[\"node1\"]", "[\"node2\"]"], 0)
        );
    }
}

#[test]
fn a_node_alone_has_its_answer_at_once() {
    for bus in buses().into_iter().skip(1) {
        let mut world = World::new(&bus, 1);
        world.nodes[0].request(1, "/", Request::FetchSockets(Selection::default()), 5_000).unwrap();
        world.run();
        let expected = Outcome { token: 1, answers: vec![], missing: 0, missing_nodes: vec![] };
        assert_eq!(world.outcomes(0), [expected], "{bus:?}");
    }
}

#[test]
fn who_does_not_answer_is_missing_when_the_time_is_over() {
    for bus in buses().into_iter().skip(1) {
        let mut world = World::new(&bus, 3);
        world.nodes[0].request(1, "/", Request::FetchSockets(Selection::default()), 3_000).unwrap();
        world.run();
        // Node 2 answers nothing.
        world.done[2].clear();
        world.answer_questions();
        world.pass(2_999);
        assert!(world.done[0].is_empty(), "{bus:?}");
        world.pass(1);
        let [outcome] = &world.outcomes(0)[..] else { panic!("{bus:?}") };
        assert_eq!((outcome.answers.len(), outcome.missing), (1, 1), "{bus:?}");
        if world.nodes[0].speech.has_heartbeats() {
            assert_eq!(outcome.missing_nodes, ["node2"]);
        }
    }
}

#[test]
fn acknowledgements_come_as_they_are_given() {
    for bus in buses().into_iter().skip(1) {
        let mut world = World::new(&bus, 2);
        world.nodes[0].request(9, "/", Request::Emit(emit(&["room"])), 1_000).unwrap();
        world.run();
        let Some(Output::Local(Local::Emit { reply: Some(reply), .. })) = world.done[1].pop()
        else {
            panic!("{bus:?}");
        };
        world.nodes[1].answer(&reply, Answer::ClientCount(1));
        world.nodes[1].answer(&reply, Answer::Ack(EventData::text("5")));
        world.run();
        let expected = [Answer::ClientCount(1), Answer::Ack(EventData::text("5"))];
        let expected = expected.map(|answer| Output::Acknowledged { token: 9, answer });
        assert_eq!(world.done[0], expected, "{bus:?}");
        world.done[0].clear();
        world.pass(1_000);
        assert_eq!(world.outcomes(0).len(), 1);
        world.nodes[1].answer(&reply, Answer::Ack(EventData::text("6")));
        world.run();
        assert!(world.done[0].is_empty(), "too late");
    }
}

#[test]
fn nodes_are_known_by_their_heartbeats() {
    let mut world = World::new(&Bus::Postgres { prefix: "socket.io".into() }, 3);
    assert_eq!(world.nodes[0].server_count("/"), Some(3));
    for _ in 0..30 {
        world.pass(1_000);
    }
    assert_eq!(world.nodes[0].server_count("/"), Some(3), "they go on saying so");
    world.nodes[1].close();
    world.run();
    assert_eq!(world.nodes[0].server_count("/"), Some(2));
    // Node 2 falls silent.
    world.nodes[0].request(1, "/", Request::FetchSockets(Selection::default()), 60_000).unwrap();
    world.run();
    world.nodes.truncate(1);
    for _ in 0..12 {
        world.pass(1_000);
    }
    assert_eq!(world.nodes[0].server_count("/"), Some(1));
    assert_eq!(world.outcomes(0).len(), 1, "nobody is waited for who is gone");
}

#[test]
fn a_callback_reaches_who_has_emitted() {
    let mut world = World::new(&Bus::Python { channel: "socketio".into() }, 3);
    let arguments = EventData::text("[1,2]");
    let message = Message::Callback {
        to: "node0".into(),
        room: "r".into(),
        id: 4,
        arguments: arguments.clone(),
    };
    world.nodes[2].publish("/", &message).unwrap();
    world.run();
    let expected = Local::Callback { namespace: "/".into(), room: "r".into(), id: 4, arguments };
    assert_eq!(world.done[0], [Output::Local(expected)]);
    assert!(world.done[1].is_empty());
}

#[test]
fn garbage_is_refused_and_does_no_harm() {
    for bus in buses() {
        let mut world = World::new(&bus, 1);
        let channels: Vec<_> = world.heard[0].clone();
        for channel in &channels {
            for body in [&b""[..], b"{", b"\xff", b"{\"type\":3}", b"\xc1"] {
                world.nodes[0].received(channel, body);
            }
        }
        world.run();
        assert!(world.done[0].iter().all(|output| matches!(output, Output::Refused(_))), "{bus:?}");
        assert!(!world.done[0].is_empty());
    }
}
