export default defineEventHandler(event => {
  event.context['before'] = event.context.em;
});
