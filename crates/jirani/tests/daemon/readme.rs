//! What README.md shows is what the program says: each picture of a terminal is taken again and compared.
//! `UPDATE_EXPECT=1 cargo test -p jirani` puts the new ones in.
