// The options of every kind of select menu.

/** Returns the options of a select of any kind: [{label, value, description, emoji, default}]. */
export function selectOptions(component, store) {
  const preset = new Set((component.default_values ?? []).map(({ id }) => String(id)));
  const isPreset = (option) => ({ ...option, default: preset.has(option.value) });
  const members = store.users.map((user) => ({ label: user.global_name || user.username, value: user.id, description: user.bot ? "bot" : user.username, user }));
  const roles = store.roles.map((role) => ({ label: role.name, value: role.id }));
  switch (component.type) {
    case 5: return members.map(isPreset);
    case 6: return roles.map(isPreset);
    case 7: return [...members, ...roles].map(isPreset);
    case 8: return store.channels.filter(({ type = 0 }) => !component.channel_types?.length || component.channel_types.includes(type))
      .map((channel) => ({ label: `#${channel.name}`, value: channel.id })).map(isPreset);
    default: return component.options ?? [];
  }
}
