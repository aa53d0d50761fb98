//! Decodes and encodes messages of generated types with prost.
//!
//! Frames on standard input and output: length (4 bytes, little-endian) and that many bytes. A frame is the number of a
//! type (4 bytes, likewise) and a message; the answer is R (rejected), or A and the message encoded again.

#[allow(dead_code, clippy::all)]
mod types {
    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}

use prost::Message;
use std::io::{self, Read, Write};

include!(concat!(env!("OUT_DIR"), "/decode.rs"));

fn again<M: Message + Default>(data: &[u8]) -> Option<Vec<u8>> {
    M::decode(data).ok().map(|message| message.encode_to_vec())
}

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut frame)?;
        let (number, data) = frame.split_first_chunk().expect("a frame has a number");
        let mut answer = vec![b'R'];
        if let Some(message) = decode(u32::from_le_bytes(*number), data) {
            answer[0] = b'A';
            answer.extend(message);
        }
        output.write_all(&(answer.len() as u32).to_le_bytes())?;
        output.write_all(&answer)?;
        output.flush()?;
    }
    Ok(())
}
