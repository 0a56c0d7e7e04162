"""A client of slixmpp 1.8 that writes itself a message: `debian_slixmpp.py ADDRESS PASSWORD PORT AUTHORITY`."""

import sys

import slixmpp

address, password, port, authority = sys.argv[1:]
client = slixmpp.ClientXMPP(address, password)
client.ca_certs = authority


def started(_):
    client.send_presence()
    client.send_message(mto=address, mbody="it is me", mtype="chat")


def heard(message):
    if message["body"] == "it is me":
        print("heard", message["from"].bare)
        client.disconnect()


client.add_event_handler("session_start", started)
client.add_event_handler("message", heard)
client.connect(("127.0.0.1", int(port)))
client.process(forever=False)
