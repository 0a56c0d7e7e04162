//! docs/formats/statements.md: the messages of an introduction as deterministic CBOR.

use ciborium::Value;

use base::DeviceId;
use base::limits::{LINK_DEVICES_MAX, VOUCHED_MAX};

use super::tag::{TAG_BYTES, Tags};
use super::vouched::Vouched;
use crate::identity::cbor::{self, CborError, Items};
use crate::identity::chain::Chain;
use crate::keys::Signature;

/// What one side says.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// For those who know somebody here who hides. They take the place of the last ones.
    Tags(Tags),
    /// A device is here.
    Present { genesis: Vec<u8>, statements: Vec<Vec<u8>>, signature: Signature },
    /// A device is here no more, or is shown no more.
    Withdraw(DeviceId),
    /// What a person here says of one there, for them to keep.
    Given(Vec<u8>),
    /// Who vouches for the person of a device that was shown. It takes the place of what was said last of the same one.
    Vouched { device: DeviceId, vouched: Vouched },
    /// Of a kind that is not known here.
    Later,
}

/// Why a frame is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No deterministic CBOR, or not laid out as its kind is.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Bytes that are not a whole number of tags, or too many of them.
    #[error("these are no tags of {TAG_BYTES} bytes each, {LINK_DEVICES_MAX} at most")]
    Tags,
    /// Bytes that are not a whole number of sealed vouches, or too many of them.
    #[error("these are no sealed vouches, {VOUCHED_MAX} at most")]
    Vouched,
}

const TAGS: u64 = 1;
const PRESENT: u64 = 2;
const WITHDRAW: u64 = 3;
const GIVEN: u64 = 4;
const VOUCHED: u64 = 5;

impl Message {
    /// What a device shows.
    pub(super) fn present(chain: &Chain, signature: Signature) -> Message {
        let statements = chain.statements().iter().map(|statement| statement.bytes().to_vec()).collect();
        Message::Present { genesis: chain.genesis().encode(), statements, signature }
    }

    pub(super) fn read(frame: &[u8]) -> Result<Message, MessageError> {
        let mut items = Items::of(cbor::read(frame)?)?;
        let message = match items.number()? {
            TAGS => {
                let bytes = items.bytes()?;
                if !bytes.len().is_multiple_of(TAG_BYTES) || bytes.len() > LINK_DEVICES_MAX * TAG_BYTES {
                    return Err(MessageError::Tags);
                }
                Message::Tags(Tags::of(&bytes))
            }
            PRESENT => {
                let genesis = items.bytes()?;
                let statements = items.value()?.into_array().map_err(|_| CborError::Shape)?;
                let bytes = |value: Value| value.into_bytes().map_err(|_| CborError::Shape);
                let statements = statements.into_iter().map(bytes).collect::<Result<_, _>>()?;
                Message::Present { genesis, statements, signature: Signature::from_bytes(items.array()?) }
            }
            WITHDRAW => Message::Withdraw(DeviceId(items.array()?)),
            GIVEN => Message::Given(items.bytes()?),
            VOUCHED => {
                let (device, salt) = (DeviceId(items.array()?), items.array()?);
                let vouched = Vouched::of(salt, &items.bytes()?).ok_or(MessageError::Vouched)?;
                Message::Vouched { device, vouched }
            }
            _ => return Ok(Message::Later),
        };
        items.end()?;
        Ok(message)
    }

    /// The frame.
    ///
    /// # Panics
    /// For [`Message::Later`]: it is never said.
    pub(super) fn write(&self) -> Vec<u8> {
        let items = match self {
            Message::Tags(tags) => vec![TAGS.into(), Value::Bytes(tags.to_bytes())],
            Message::Present { genesis, statements, signature } => {
                let statements = statements.iter().map(|bytes| cbor::bytes(bytes)).collect();
                vec![PRESENT.into(), cbor::bytes(genesis), Value::Array(statements), cbor::bytes(&signature.to_bytes())]
            }
            Message::Withdraw(device) => vec![WITHDRAW.into(), cbor::bytes(&device.0)],
            Message::Given(statement) => vec![GIVEN.into(), cbor::bytes(statement)],
            Message::Vouched { device, vouched } => {
                let sealed = Value::Bytes(vouched.to_bytes());
                vec![VOUCHED.into(), cbor::bytes(&device.0), cbor::bytes(vouched.salt()), sealed]
            }
            Message::Later => unreachable!("only read"),
        };
        cbor::write(&Value::Array(items))
    }
}
