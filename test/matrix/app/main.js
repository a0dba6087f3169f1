import { use } from './use.js';

await use();
console.log('The app works.');
