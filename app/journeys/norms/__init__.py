"""How many days a journey of each kind stays in a stage as a rule: data, which programme managers change."""
