import { compareAll } from './support/compare.js';
import { aborts } from './scenarios/aborts.js';
import { failedCommits } from './scenarios/failed-commits.js';
import { sessions } from './scenarios/sessions.js';
import { streams } from './scenarios/streams.js';
import { transactions } from './scenarios/transactions.js';

await compareAll([...streams, ...sessions, ...transactions, ...failedCommits, ...aborts]);
