import { connect } from 'node:net';

// Ports below those that systems hand out by themselves (from 32768 on Linux, 49152 elsewhere): between the question and its
// use, no server of a test beside this one is given the same.
const FROM = 20_000;
const COUNT = 10_000;

/** A port that nobody listens at, now and for as long as nobody asks for it by its number. */
export async function closedPort(): Promise<number> {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
}

/** By asking, and never by listening: not for a moment does anybody answer there. */
const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
