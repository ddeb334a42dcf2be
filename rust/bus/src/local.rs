//! What is done here for other nodes: all that needs no Python.

use std::borrow::Cow;

use cluster::{Answer, Emit, EventData, Message, Selection};
use router::{Payload, Router};
use smallvec::SmallVec;

/// Sends an event of another node to the clients here.
pub(crate) fn emit(router: &Router, namespace: &str, emit: &Emit) {
    let Some((data, attachments)) = in_the_parsers_form(router, &emit.event) else {
        return;
    };
    let mut here = router::Emit::new(namespace, Payload::Data(&data));
    here.attachments = attachments.iter().map(|data| &data[..]).collect();
    if !emit.to.rooms.is_empty() {
        here.to = Some(emit.to.rooms.iter().map(String::as_str).collect());
    }
    here.except_rooms = emit.to.except.iter().map(String::as_str).collect::<SmallVec<_>>();
    here.volatile = emit.volatile;
    here.compress = emit.compress.unwrap_or(true);
    router.emit(&here);
}

/// The event as this server's clients read it: text and attachments, or msgpack.
fn in_the_parsers_form<'e>(
    router: &Router,
    event: &'e EventData,
) -> Option<(Cow<'e, [u8]>, &'e [bytes::Bytes])> {
    if router.is_msgpack() {
        return Some((Cow::Owned(event.to_msgpack().ok()?), &[]));
    }
    Some((Cow::Borrowed(event.json.as_bytes()), &event.attachments))
}

/// Does to clients here what another node wants.
pub(crate) fn change(router: &Router, namespace: &str, message: &Message) {
    match message {
        Message::Join { who, rooms } => for_each(router, namespace, who, |sid| {
            for room in rooms {
                // One that has just left cannot enter.
                let _ = router.join(sid, namespace, room);
            }
        }),
        Message::Leave { who, rooms } => for_each(router, namespace, who, |sid| {
            for room in rooms {
                router.leave(sid, namespace, room);
            }
        }),
        Message::Disconnect { who, close } => for_each(router, namespace, who, |sid| {
            let session = router.session_of(sid).filter(|_| *close);
            router.disconnect(sid, namespace, &Payload::Data(b""));
            if let Some(session) = session {
                router.close(session.as_str(), router::Reason::ServerDisconnect);
            }
        }),
        Message::CloseRoom { room } => router.close_room(namespace, room),
        _ => {}
    }
}

fn for_each(router: &Router, namespace: &str, who: &Selection, act: impl Fn(&str)) {
    for sid in select(router, namespace, who) {
        act(&sid);
    }
}

/// The sids of the clients here that are meant.
pub(crate) fn select(router: &Router, namespace: &str, who: &Selection) -> Vec<String> {
    let members = |room: Option<&str>| {
        router.participants(namespace, room).into_iter().map(|(sid, _)| sid.as_str().to_owned())
    };
    let mut found: Vec<String> = match who.rooms.as_slice() {
        [] => members(None).collect(),
        rooms => rooms.iter().flat_map(|room| members(Some(room))).collect(),
    };
    found.sort_unstable();
    found.dedup();
    let except: std::collections::HashSet<String> =
        who.except.iter().flat_map(|room| members(Some(room))).collect();
    found.retain(|sid| !except.contains(sid));
    found
}

/// Answers a question that the registry can answer; `None` for one that needs the application.
pub(crate) fn answer(router: &Router, namespace: &str, message: &Message) -> Option<Answer> {
    match message {
        Message::SocketIds { rooms, .. } => {
            let who = Selection { rooms: rooms.clone(), except: Vec::new() };
            Some(Answer::SocketIds(select(router, namespace, &who)))
        }
        Message::AllRooms { .. } => {
            // To Node the sid of a client is a room, too.
            let own = router
                .participants(namespace, None)
                .into_iter()
                .map(|(sid, _)| sid.as_str().to_owned());
            Some(Answer::Rooms(router.room_names(namespace).into_iter().chain(own).collect()))
        }
        _ => None,
    }
}
