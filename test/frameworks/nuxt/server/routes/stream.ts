import { rows } from '~~/server/work';

export default defineEventHandler(event => sendStream(event, rows(event.context.em)));
