import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';
import { channels, type ChannelMessages } from '../../src/index.js';

/** Collects what is said on a channel about the ORM of this name, until the test ends. */
export function listen<Key extends keyof ChannelMessages>(key: Key, name: string): ChannelMessages[Key][] {
  const heard: ChannelMessages[Key][] = [];
  const listener = (message: unknown): void => {
    if ((message as ChannelMessages[Key]).name === name) {
      heard.push(message as ChannelMessages[Key]);
    }
  };
  subscribe(channels[key], listener);
  onTestFinished(() => void unsubscribe(channels[key], listener));
  return heard;
}
