package sanitize

// The lists that fakes are made of: common ones, so that a fake points to no person. Numbers of
// entries may change; a fake is only as stable as the version of these rules.

func givenNames() []string {
	return []string{
		"Ada", "Alan", "Alice", "Amir", "Anna", "Anton", "Aurora", "Ben", "Bianca", "Bruno", "Carla", "Carmen", "Cora", "Daniel", "David", "Diana",
		"Edgar", "Elena", "Elias", "Emil", "Emma", "Erik", "Eva", "Felix", "Fiona", "Frida", "Georg", "Gina", "Greta", "Hanna", "Harald", "Helen",
		"Hugo", "Ida", "Igor", "Ines", "Irene", "Ivan", "Jakob", "Jana", "Jonas", "Julia", "Karl", "Karin", "Klara", "Laura", "Leo", "Lina",
		"Lucas", "Lucia", "Magda", "Maja", "Marco", "Marie", "Martin", "Max", "Mila", "Nadia", "Nina", "Nora", "Oscar", "Olga", "Otto", "Paul",
		"Petra", "Pia", "Ralf", "Rita", "Robert", "Rosa", "Samuel", "Sara", "Silvia", "Simon", "Sofia", "Stella", "Theo", "Tina", "Tom", "Ulla",
		"Vera", "Victor", "Walter", "Wilma", "Xenia", "Yara", "Yusuf", "Zara", "Zoe",
	}
}

func familyNames() []string {
	return []string{
		"Adler", "Allen", "Baker", "Barth", "Bauer", "Becker", "Bell", "Berg", "Bishop", "Blake", "Brandt", "Brown", "Carter", "Clark", "Cole", "Cook",
		"Cooper", "Costa", "Cruz", "Dahl", "Davis", "Diaz", "Dixon", "Eder", "Ellis", "Evans", "Falk", "Ferrari", "Fischer", "Fox", "Frank", "Fuchs",
		"Garcia", "Gibson", "Gray", "Green", "Haas", "Hall", "Hansen", "Harris", "Hill", "Horn", "Hughes", "Hunt", "Jensen", "Jones", "Keller", "King",
		"Klein", "Koch", "Kraus", "Lang", "Larsen", "Lee", "Lewis", "Lopez", "Lorenz", "Maier", "Marino", "Martinez", "Mason", "Meyer", "Miller", "Moore",
		"Morgan", "Murphy", "Nagel", "Nelson", "Newman", "Nolan", "Olsen", "Otto", "Palmer", "Parker", "Perez", "Peters", "Pohl", "Porter", "Price", "Quinn",
		"Ramos", "Reed", "Richter", "Rivera", "Roberts", "Rossi", "Roth", "Russo", "Sanders", "Schmidt", "Scott", "Silva", "Simon", "Smith", "Sommer", "Stein",
		"Stone", "Taylor", "Thomas", "Torres", "Turner", "Vogel", "Wagner", "Walker", "Ward", "Weber", "White", "Winter", "Wolf", "Wood", "Wright", "Young", "Ziegler",
	}
}

func streets() []string {
	return []string{
		"Acacia Avenue", "Bridge Street", "Castle Road", "Cedar Lane", "Cherry Street", "Church Street", "Elm Street", "Forest Road", "Garden Street", "Harbour Road",
		"High Street", "Hill Road", "King Street", "Lake View", "Main Street", "Maple Street", "Market Square", "Meadow Lane", "Mill Road", "New Street",
		"North Street", "Oak Avenue", "Orchard Road", "Park Lane", "Pine Street", "Queen Street", "River Road", "School Lane", "South Street", "Spring Street",
		"Station Road", "Sunset Road", "Valley Road", "Victoria Street", "West Street", "Willow Lane", "Windmill Lane", "Wood Street",
	}
}

func cities() []string {
	return []string{
		"Ashford", "Brookfield", "Clearwater", "Eastport", "Fairview", "Glenwood", "Greenville", "Hillcrest", "Kingsbridge", "Lakewood", "Maplewood", "Milltown",
		"Newfield", "Northgate", "Oakdale", "Pinehurst", "Riverside", "Rosewood", "Silverton", "Southfield", "Springdale", "Stonebridge", "Westbrook", "Woodside",
	}
}
